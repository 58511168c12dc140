import { showLabels } from "../../apimachinery/labels.ts";
import { nameColumn, stringColumn, templateColumns } from "../columns.ts";
import { defineResource } from "../define.ts";
import { podTemplates } from "../resources.generated.ts";
import { defaultPodTemplate } from "./pod-defaults.ts";
import type { PodTemplate } from "./types.generated.ts";

export const podTemplateDefinition = defineResource(podTemplates, {
  columns: [
    nameColumn,
    ...templateColumns<PodTemplate>(({ template }) => template?.spec?.containers ?? []).map((column) => ({
      ...column,
      priority: 0,
    })),
    stringColumn("Pod Labels", "Labels of the template.", ({ template }) =>
      showLabels(template?.metadata?.labels),
    ),
  ],
  strategy: { defaults: (object) => ({ ...object, template: defaultPodTemplate(object.template) }) },
});
