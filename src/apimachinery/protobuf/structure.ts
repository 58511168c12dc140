import { type DecodeField, decodePlanOf, ops, type ValueReader } from "./decode-plan.ts";
import { ProtobufError, type Reader } from "./reader.ts";

/**
 * Goes over [at, end) of the reader as fields of a message and makes nothing of them: throws `ProtobufError` where messages do
 * not lie within each other as they should. Nothing is said of what texts hold, JSON among them.
 */
export function checkStructure(reader: Reader, fields: readonly (DecodeField | undefined)[]): void {
  while (reader.at < reader.end) {
    const tag = reader.varint();
    const wireType = tag % 8;
    const field = fields[(tag - wireType) / 8];
    if (wireType !== 2 || field === undefined) {
      if (field !== undefined && field.reader.wireType !== wireType) throw unexpected(wireType);
      reader.skip(wireType);
      continue;
    }
    const { reader: value, embedded } = field;
    if (value.wireType !== 2 && value.op !== ops.list) throw unexpected(wireType);
    const end = reader.enter();
    const outerEnd = reader.end;
    reader.end = end;
    if (embedded !== undefined) checkStructure(reader, embedded);
    else if (value.wireType === 2) checkMessage(reader, value.op === ops.list ? value.item : value);
    reader.at = end;
    reader.end = outerEnd;
  }
}

function checkMessage(reader: Reader, value: ValueReader | undefined): void {
  if (value === undefined) return;
  if (value.op === ops.model && value.model !== undefined)
    checkStructure(reader, decodePlanOf(value.model).fields);
  else if (value.op > ops.embedded) while (reader.at < reader.end) reader.skip(reader.varint() % 8);
}

const unexpected = (wireType: number) => new ProtobufError(`unexpected wire type ${wireType}`);
