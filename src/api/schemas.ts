import { createSchemaTables, type SchemaTables } from "../apimachinery/schema/tables.ts";
import document from "./schema.generated.json" with { type: "json" };

/** The tables of every built-in type of a stable version. */
export const schemas: SchemaTables = createSchemaTables(document);
