/**
 * Maps what comes, up to `limit` items at once, and yields each result as soon as it is there: one that takes long holds
 * no other back. A failure of the source or of the mapping ends the iteration; leaving it early ends the source.
 */
export async function* mapUnordered<T, R>(
  source: AsyncIterable<T>,
  limit: number,
  map: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const iterator = source[Symbol.asyncIterator]();
  type Step = { readonly read: IteratorResult<T> } | { readonly result: R; readonly done: Promise<Step> };
  const running = new Set<Promise<Step>>();
  const read = () => iterator.next().then((result): Step => ({ read: result }));
  const quiet = (step: Promise<Step>) => {
    step.catch(() => {}); // told by the race below
    return step;
  };
  let reading: Promise<Step> | undefined = quiet(read());
  try {
    while (reading !== undefined || running.size > 0) {
      const mayRead: boolean = reading !== undefined && running.size < limit;
      const step: Step = await Promise.race([
        ...(mayRead && reading !== undefined ? [reading] : []),
        ...running,
      ]);
      if ("read" in step) {
        reading = step.read.done === true ? undefined : quiet(read());
        if (step.read.done === true) continue;
        const item = step.read.value;
        const done: Promise<Step> = quiet(map(item).then((result): Step => ({ result, done })));
        running.add(done);
      } else {
        running.delete(step.done);
        yield step.result;
      }
    }
  } finally {
    await iterator.return?.();
  }
}
