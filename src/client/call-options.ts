import type { OptionNames } from "../base/option-names.ts";
import type {
  DeleteOptions,
  GetOptions,
  ListOptions,
  UpdateOptions,
  WatchRequestOptions,
  WriteOptions,
} from "./client.ts";

/** The options of each call by name, as they are checked where it is made. */

export const getOptionNames: OptionNames<GetOptions> = { resourceVersion: true, signal: true };

export const listOptionNames: OptionNames<ListOptions> = {
  namespace: true,
  labelSelector: true,
  fieldSelector: true,
  limit: true,
  continue: true,
  resourceVersion: true,
  resourceVersionMatch: true,
  metadataOnly: true,
  held: true,
  signal: true,
};

export const watchOptionNames: OptionNames<WatchRequestOptions> = {
  ...listOptionNames,
  allowWatchBookmarks: true,
  sendInitialEvents: true,
  timeoutSeconds: true,
};

export const writeOptionNames: OptionNames<WriteOptions> = {
  dryRun: true,
  fieldManager: true,
  fieldValidation: true,
  signal: true,
};

export const updateOptionNames: OptionNames<UpdateOptions> = { ...writeOptionNames, subresource: true };

export const deleteOptionNames: OptionNames<DeleteOptions> = {
  gracePeriodSeconds: true,
  propagationPolicy: true,
  preconditions: true,
  dryRun: true,
  signal: true,
};
