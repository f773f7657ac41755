# The relay on workerd, the open Workers runtime: copy this file into a folder of your own, beside
#   relay-worker.js                     npm run build:worker makes dist/relay-worker.js
#   relay.key relay.pem                 what clients are shown
#   to-gateway.key to-gateway.pem       what the gateway is shown
#   gateway-ca.pem                      the one authority that may certify the gateway
# put the names in, and run: workerd serve workerd.capnp
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "relay", worker = .relay),
    (name = "gateway", external = (
      address = "gateway.example:443",
      https = (
        options = (),
        certificateHost = "gateway.example",
        tlsOptions = (
          trustBrowserCas = false,
          trustedCertificates = [embed "gateway-ca.pem"],
          keypair = (privateKey = embed "to-gateway.key", certificateChain = embed "to-gateway.pem"),
          minVersion = tls1Dot3,
        ),
      ),
    )),
  ],
  sockets = [(
    name = "https",
    address = "*:443",
    service = "relay",
    https = (
      options = (),
      tlsOptions = (
        keypair = (privateKey = embed "relay.key", certificateChain = embed "relay.pem"),
        minVersion = tls1Dot2,
      ),
    ),
  )],
);

const relay :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "relay-worker.js")],
  compatibilityDate = "2026-10-01",
  bindings = [
    # What is bound here is the only place that the relay can reach: nothing else of the network is named.
    (name = "GATEWAY", service = "gateway"),
    (name = "GATEWAY_URL", text = "https://gateway.example/.well-known/ohttp-gateway"),
    (name = "PUBLIC_HOSTS", text = "relay.example"),
  ],
  globalOutbound = "gateway",
);
