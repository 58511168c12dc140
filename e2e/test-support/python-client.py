"""The official Python client, as Debian packages it, against the cluster of the kubeconfig in KUBECONFIG."""

import threading
import time
import unittest

from kubernetes import client, config, dynamic, utils, watch
from kubernetes.client.rest import ApiException
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.configmaplock import ConfigMapLock
from kubernetes.stream import portforward, stream

NAMESPACE = "python-client"
BUSYBOX = "k8ts.local/busybox:1"


def setUpModule():
    config.load_kube_config()
    core = client.CoreV1Api()
    core.create_namespace({"metadata": {"name": NAMESPACE}})
    for event in watch.Watch().stream(
        core.list_namespaced_service_account, NAMESPACE, timeout_seconds=60
    ):
        if event["object"].metadata.name == "default":
            return
    raise AssertionError("no service account was made")


def a_deployment(replicas):
    labels = {"app": "declared"}
    container = {"name": "main", "image": BUSYBOX, "command": ["sleep", "3600"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "declared"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


class Objects(unittest.TestCase):
    def setUp(self):
        self.core = client.CoreV1Api()

    def test_a_config_map_lives(self):
        made = self.core.create_namespaced_config_map(
            NAMESPACE,
            client.V1ConfigMap(
                metadata=client.V1ObjectMeta(name="lived", labels={"of": "python"}),
                data={"text": "\u00fc"},
                binary_data={"bytes": "AP8="},
            ),
        )
        self.assertEqual((made.data, made.binary_data), ({"text": "\u00fc"}, {"bytes": "AP8="}))
        self.core.patch_namespaced_config_map("lived", NAMESPACE, {"data": {"merged": "1"}})
        added = [{"op": "add", "path": "/data/added", "value": "1"}]
        self.core.patch_namespaced_config_map("lived", NAMESPACE, added)
        read = self.core.read_namespaced_config_map("lived", NAMESPACE)
        self.assertEqual(read.data, {"text": "\u00fc", "merged": "1", "added": "1"})
        with self.assertRaises(ApiException) as stale:
            self.core.replace_namespaced_config_map("lived", NAMESPACE, made)
        self.assertEqual(stale.exception.status, 409)
        found = self.core.list_namespaced_config_map(NAMESPACE, label_selector="of=python", limit=1)
        self.assertEqual([item.metadata.name for item in found.items], ["lived"])
        self.core.delete_collection_namespaced_config_map(NAMESPACE, label_selector="of=python")
        with self.assertRaises(ApiException) as gone:
            self.core.read_namespaced_config_map("lived", NAMESPACE)
        self.assertEqual(gone.exception.status, 404)

    def test_a_watch_tells_and_ends(self):
        watching = watch.Watch()
        make = self.core.create_namespaced_config_map
        threading.Timer(0.2, make, (NAMESPACE, {"metadata": {"name": "watched"}})).start()
        for event in watching.stream(
            self.core.list_namespaced_config_map, NAMESPACE, timeout_seconds=60
        ):
            if event["object"].metadata.name == "watched":
                watching.stop()
        self.assertEqual(event["type"], "ADDED")
        before = time.monotonic()
        for _ in watch.Watch().stream(self.core.list_node, timeout_seconds=1):
            pass
        self.assertLess(time.monotonic() - before, 30)

    def test_the_dynamic_client_finds_kinds_by_discovery(self):
        api_client = client.ApiClient()
        definition = {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": "snakes.example.com"},
            "spec": {
                "group": "example.com",
                "scope": "Namespaced",
                "names": {"plural": "snakes", "kind": "Snake"},
                "versions": [
                    {
                        "name": "v1",
                        "served": True,
                        "storage": True,
                        "schema": {
                            "openAPIV3Schema": {
                                "type": "object",
                                "x-kubernetes-preserve-unknown-fields": True,
                            }
                        },
                    }
                ],
            },
        }
        utils.create_from_dict(api_client, definition)
        kinds = dynamic.DynamicClient(api_client)
        end = time.monotonic() + 60
        snakes = None
        while snakes is None and time.monotonic() < end:
            try:
                snakes = kinds.resources.get(api_version="example.com/v1", kind="Snake")
            except dynamic.exceptions.ResourceNotFoundError:
                time.sleep(0.1)
        body = {
            "apiVersion": "example.com/v1",
            "kind": "Snake",
            "metadata": {"name": "python"},
            "spec": {"length": 1},
        }
        snakes.create(body=body, namespace=NAMESPACE)
        merge = "application/merge-patch+json"
        longer = snakes.patch(
            body={"metadata": {"name": "python"}, "spec": {"length": 2}},
            namespace=NAMESPACE,
            content_type=merge,
        )
        self.assertEqual(longer.spec.length, 2)
        deployments = kinds.resources.get(api_version="apps/v1", kind="Deployment")
        deployments.create(body=a_deployment(0), namespace=NAMESPACE)
        for event in deployments.watch(namespace=NAMESPACE, timeout=60):
            self.assertEqual(event["object"].metadata.name, "declared")
            break

    def test_one_of_several_leads(self):
        led = threading.Event()
        lock = ConfigMapLock("election", NAMESPACE, "python")
        election = electionconfig.Config(
            lock, 3, 2, 1, onstarted_leading=led.set, onstopped_leading=lambda: None
        )
        run = leaderelection.LeaderElection(election).run
        threading.Thread(target=run, daemon=True).start()
        self.assertTrue(led.wait(60))


class Streams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.core = client.CoreV1Api()
        script = "echo started; nc -ll -p 7000 -e cat & while read line; do echo heard $line; done"
        container = {
            "name": "main",
            "image": BUSYBOX,
            "stdin": True,
            "command": ["sh", "-c", script],
            "readinessProbe": {"tcpSocket": {"port": 7000}, "periodSeconds": 1},
        }
        spec = {"terminationGracePeriodSeconds": 0, "containers": [container]}
        cls.core.create_namespaced_pod(NAMESPACE, {"metadata": {"name": "box"}, "spec": spec})
        watching = watch.Watch()
        for event in watching.stream(
            cls.core.list_namespaced_pod,
            NAMESPACE,
            field_selector="metadata.name=box",
            timeout_seconds=60,
        ):
            if any(status.ready for status in event["object"].status.container_statuses or []):
                watching.stop()

    def test_exec_brings_both_outputs_and_the_exit_code(self):
        command = ["sh", "-c", "read line; echo got $line; echo oops >&2; exit 6"]
        running = stream(
            self.core.connect_get_namespaced_pod_exec,
            "box",
            NAMESPACE,
            command=command,
            stdin=True,
            stdout=True,
            stderr=True,
            tty=False,
            _preload_content=False,
        )
        running.write_stdin("you\n")
        running.run_forever(timeout=60)
        self.assertEqual((running.read_stdout(), running.read_stderr()), ("got you\n", "oops\n"))
        self.assertEqual(running.returncode, 6)

    def test_attach_talks_to_the_container_and_its_log_is_followed(self):
        attached = stream(
            self.core.connect_get_namespaced_pod_attach,
            "box",
            NAMESPACE,
            stdin=True,
            stdout=True,
            stderr=False,
            tty=False,
            _preload_content=False,
        )
        attached.write_stdin("me\n")
        heard, end = "", time.monotonic() + 60
        while "heard me" not in heard and time.monotonic() < end:
            attached.update(timeout=1)
            heard += attached.read_stdout() or ""
        self.assertIn("heard me", heard)
        attached.close()
        for line in watch.Watch().stream(self.core.read_namespaced_pod_log, "box", NAMESPACE):
            self.assertEqual(line, "started")
            break

    def test_a_port_is_forwarded(self):
        forwarded = portforward(
            self.core.connect_get_namespaced_pod_portforward, "box", NAMESPACE, ports="7000"
        )
        connection = forwarded.socket(7000)
        connection.settimeout(60)
        connection.sendall(b"ping")
        self.assertEqual(connection.recv(4), b"ping")
        connection.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
