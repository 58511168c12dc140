import { ageColumn, booleanColumn, nameColumn, stringColumn } from "../columns.ts";
import { defineResource } from "../define.ts";
import { volumeAttachments } from "../resources.generated.ts";
import { volumeAttachmentStrategy } from "./storage-strategy.ts";

export const volumeAttachmentDefinition = defineResource(volumeAttachments, {
  hasStatus: true,
  columns: [
    nameColumn,
    {
      ...stringColumn("Attacher", "The driver that attaches.", ({ spec }) => spec?.attacher ?? ""),
      format: "name",
    },
    stringColumn("PV", "The volume.", ({ spec }) => spec?.source?.persistentVolumeName ?? ""),
    stringColumn("Node", "The node.", ({ spec }) => spec?.nodeName ?? ""),
    booleanColumn("Attached", "Whether it is done.", ({ status }) => status?.attached ?? false),
    ageColumn,
  ],
  strategy: volumeAttachmentStrategy,
});
