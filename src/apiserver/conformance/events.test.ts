import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnyObject, KubeList } from "../../apimachinery/meta.ts";
import { overBothTransports, type Suite } from "./test-support/conformance-cluster.ts";

/** As the suite compares: without what the control plane sets. */
function compared({ metadata, ...rest }: AnyObject): object {
  const { resourceVersion: _version, managedFields: _fields, ...own } = metadata;
  return { ...rest, metadata: own };
}

const seen = { count: 2, lastObservedTime: "2017-09-19T13:49:11.000000Z" };
const observed = { count: 100, lastObservedTime: "2017-09-19T13:49:16.000000Z" };

function suite({ api, named }: Suite): void {
  const names = async (path: string, query: Readonly<Record<string, string>>) =>
    (await api().get<KubeList>(path, query)).items.map(
      ({ metadata }) => `${metadata.namespace}/${metadata.name}`,
    );
  const core = (name: string, label: string, namespace: string) => ({
    apiVersion: "v1",
    kind: "Event",
    metadata: { name, labels: { [label]: "true" } },
    message: `This is ${name}`,
    reason: "Test",
    type: "Normal",
    count: 1,
    involvedObject: { namespace },
  });
  const regarding = (name: string, label: string, namespace: string) => ({
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { name, labels: { [label]: "true" } },
    regarding: { namespace },
    eventTime: "2017-09-19T13:49:16.000000Z",
    note: `This is ${name}`,
    action: "Do",
    reason: "Test",
    type: "Normal",
    reportingController: "test-controller",
    reportingInstance: "test-node",
  });

  for (const { title, root, make, text } of [
    { title: "Event, manage lifecycle of an Event", root: "/api/v1", make: core, text: "message" },
    {
      title: "New Event resource lifecycle, testing a single event",
      root: "/apis/events.k8s.io/v1",
      make: regarding,
      text: "note",
    },
  ])
    test(title, async () => {
      const group = text === "note" ? "new" : "core";
      const name = named(`events-${group}`);
      await api().namespace(name);
      const events = `${root}/namespaces/${name}/events`;
      const label = named(`testevent-${group}`);
      await api().create(events, make("event-test", label, name));
      const selector = { labelSelector: `${label}=true` };
      assert.deepEqual(await names(`${root}/events`, selector), [`${name}/event-test`]);
      assert.deepEqual(await names(events, selector), [`${name}/event-test`]);
      if (group === "new") {
        const bySource = { fieldSelector: "source=test-controller" };
        assert.deepEqual(await names(`/api/v1/namespaces/${name}/events`, bySource), [`${name}/event-test`]);
        const byController = { fieldSelector: "reportingController=test-controller" };
        assert.deepEqual(await names(events, byController), [`${name}/event-test`]);
      }
      const before = await api().get(`${events}/event-test`);
      // Through the newer API an event can only happen again: its words stay.
      const change = group === "new" ? { series: seen } : { [text]: "This is a test event - patched" };
      await api().strategic(`${events}/event-test`, change);
      const patched = await api().get(`${events}/event-test`);
      assert.deepEqual(compared(patched), compared({ ...before, ...change }));
      const { resourceVersion: _version, managedFields: _fields, ...metadata } = patched.metadata;
      const wanted = { ...patched, metadata, series: observed };
      await api().update(`${events}/event-test`, wanted);
      assert.deepEqual(compared(await api().get(`${events}/event-test`)), compared(wanted));
      await api().delete(`${events}/event-test`);
      assert.deepEqual(await names(`${root}/events`, selector), []);
      assert.deepEqual(await names(events, selector), []);
    });

  for (const { title, root, make } of [
    { title: "Event, delete a collection", root: "/api/v1", make: core },
    {
      title: "New Event resource lifecycle, testing a list of events",
      root: "/apis/events.k8s.io/v1",
      make: regarding,
    },
  ])
    test(title, async () => {
      const name = named(make === core ? "core-events" : "new-events");
      await api().namespace(name);
      const events = `${root}/namespaces/${name}/events`;
      const selector = { labelSelector: "testevent-set=true" };
      for (const index of [1, 2, 3])
        await api().create(events, make(`test-event-${index}`, "testevent-set", name));
      assert.equal((await names(events, selector)).length, 3);
      await api().ok("DELETE", events, { query: selector, body: {} });
      assert.deepEqual(await names(events, selector), []);
    });
}

overBothTransports("Events", suite);
