import { DatabaseSync } from "node:sqlite";
import { type Rows, RowsBuilder, visitRows } from "./messages.ts";

/** Bumped when the tables change; a store of a later format is refused rather than misread. */
const formatVersion = 1;
const loadChunkBytes = 1 << 20;

const schema = `
  CREATE TABLE IF NOT EXISTS key_value (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL,
    create_revision INTEGER NOT NULL,
    mod_revision INTEGER NOT NULL,
    expires_at_ms INTEGER
  ) STRICT;
  CREATE TABLE IF NOT EXISTS store (revision INTEGER NOT NULL) STRICT;
  INSERT INTO store SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM store);
`;

/** The file: the last state of each key and the store's revision, changed by whole batches. Blocks its thread. */
export class Database {
  readonly #database: DatabaseSync;
  readonly #erase: boolean;
  readonly #begin: () => void;
  readonly #commit: () => void;
  readonly #rollback: () => void;
  readonly #writeRows: (rows: Rows, revision: number) => void;

  /** Takes the file for this process alone until `close`, or until the process is gone. */
  constructor(path: string, { erase }: { readonly erase: boolean }) {
    const database = new DatabaseSync(path);
    try {
      // Exclusive: no second process, and no shared memory file. FULL: a commit returns after its fsync.
      database.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
      // A commit pays for a checkpoint only when writes go on so long without a pause that the log gets to 32 MB.
      database.exec("PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 8000");
      if (erase) database.exec("PRAGMA secure_delete = ON");
      database.exec(`BEGIN IMMEDIATE; ${schema} COMMIT`);
      checkFormat(database);
    } catch (error) {
      database.close();
      throw error;
    }
    this.#database = database;
    this.#erase = erase;
    this.#begin = statement(database, "BEGIN IMMEDIATE");
    this.#commit = statement(database, "COMMIT");
    this.#rollback = statement(database, "ROLLBACK");
    this.#writeRows = rowWriter(database);
  }

  get revision(): number {
    const row = this.#database.prepare("SELECT revision FROM store").get();
    return Number(row?.revision);
  }

  /** All keys, in chunks of about a megabyte. */
  *load(): Generator<Rows> {
    const all = this.#database.prepare(
      "SELECT key, value, create_revision, mod_revision, expires_at_ms FROM key_value",
    );
    let builder = new RowsBuilder();
    for (const row of all.iterate()) {
      builder.add({
        key: String(row.key),
        value: row.value as Uint8Array, // a STRICT BLOB column
        createRevision: Number(row.create_revision),
        modRevision: Number(row.mod_revision),
        expiresAtMs: row.expires_at_ms === null ? null : Number(row.expires_at_ms),
      });
      if (builder.byteLength < loadChunkBytes) continue;
      yield builder.build();
      builder = new RowsBuilder();
    }
    if (builder.length > 0) yield builder.build();
  }

  /** All of it, durably, or nothing and an error. */
  write(rows: Rows, revision: number): void {
    this.#begin();
    try {
      this.#writeRows(rows, revision);
      this.#commit();
    } catch (error) {
      // SQLite has already rolled back after some errors (a full disk): then there is nothing left to.
      if (this.#database.isTransaction) this.#rollback();
      throw error;
    }
  }

  /** Moves what the log holds into the file, so that the log starts over. Commits do it too once it is long. */
  checkpoint(): void {
    this.#database.exec("PRAGMA wal_checkpoint(PASSIVE)");
  }

  /** Pages that were split keep some of what they held, whatever is erased: only a new file holds nothing of before. */
  #rebuild(): void {
    try {
      this.#database.exec("VACUUM");
    } catch {
      // No room for a second copy: the next time it closes.
    }
  }

  close(): void {
    if (this.#erase) this.#rebuild();
    // Leaves one file that holds everything, with no log beside it.
    this.#database.close();
  }
}

function statement(database: DatabaseSync, sql: string): () => void {
  const prepared = database.prepare(sql);
  return () => {
    prepared.run();
  };
}

function rowWriter(database: DatabaseSync): (rows: Rows, revision: number) => void {
  const put = database.prepare(
    `INSERT INTO key_value VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value,
       create_revision = excluded.create_revision, mod_revision = excluded.mod_revision,
       expires_at_ms = excluded.expires_at_ms`,
  );
  const remove = database.prepare("DELETE FROM key_value WHERE key = ?");
  const setRevision = database.prepare("UPDATE store SET revision = ?");
  return (rows, revision) => {
    visitRows(rows, ({ key, value, createRevision, modRevision, expiresAtMs }) => {
      if (value === undefined) remove.run(key);
      else put.run(key, value, createRevision, modRevision, expiresAtMs);
    });
    setRevision.run(revision);
  };
}

function checkFormat(database: DatabaseSync): void {
  const found = Number(database.prepare("PRAGMA user_version").get()?.user_version);
  if (found === 0) database.exec(`PRAGMA user_version = ${formatVersion}`);
  else if (found !== formatVersion)
    throw new Error(`its format is ${found}; this version of k8ts knows format ${formatVersion}`);
}
