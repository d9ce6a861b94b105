using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  # As for the server: harness/bundle.ts says why.
  v8Flags = ["--max-old-space-size=128", "--initial-heap-size=4"],
  services = [(name = "floor", worker = .floor), (name = "data", disk = (writable = true))],
  sockets = [(name = "entry", http = (), service = "floor")],
);

const floor :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.js")],
  compatibilityDate = "2026-10-20",
  compatibilityFlags = ["no_web_socket_compression"],
  durableObjectNamespaces = [(className = "Floor", uniqueKey = "floor", enableSql = true)],
  durableObjectStorage = (localDisk = "data"),
  bindings = [(name = "FLOOR", durableObjectNamespace = "Floor")],
);
