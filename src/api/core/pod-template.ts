import { showLabels } from "../../apimachinery/labels.ts";
import { nameColumn, stringColumn, templateColumns } from "../columns.ts";
import { defineResource } from "../define.ts";
import { podTemplates } from "../resources.generated.ts";
import { defaultPodTemplate } from "./pod-defaults.ts";
import { validatePodTemplate } from "./pod-spec-validation.ts";
import { templateWarnings } from "./pod-warnings.ts";
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
  strategy: {
    generationFields: ["template"],
    defaults: (object) => ({ ...object, template: defaultPodTemplate(object.template) }),
    warnings: (object, old) => templateWarnings("template", object.template, object, old),
    validate: ({ template }) => validatePodTemplate("template", template),
    validateUpdate: ({ template }) => validatePodTemplate("template", template),
  },
});
