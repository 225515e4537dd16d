//! The configuration of each of Boulder's services: what <https://github.com/letsencrypt/boulder/tree/main/test/config>
//! has, for one of everything, by fixed ports of a network namespace of their own.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::pki::Log;
use super::{BoulderOptions, Part};

/// Ports inside the network namespace.
pub(super) mod port {
    pub(in super::super) const WFE: u16 = 4431;
    pub(in super::super) const MANAGEMENT: u16 = 8055;
    pub(in super::super) const DOH: u16 = 8443;
    pub(in super::super) const SRV: u16 = 8600;
    pub(in super::super) const DATABASE: u16 = 3306;
    pub(in super::super) const REDIS: u16 = 6379;
    pub(in super::super) const LOGS: [u16; 2] = [4510, 4511];
}

/// The domain in which the only SRV record is.
const INTERNAL: &str = "boulder.internal";
/// The name that the CA has in CAA records, and in those of dns-persist-01.
const CA_DOMAIN: &str = "ca.example.net";
/// What the remote validation authorities call themselves, and the registry of their addresses: Boulder wants two.
const PERSPECTIVES: [(&str, &str); 3] = [("one", "ARIN"), ("two", "RIPE"), ("three", "APNIC")];
/// Let's Encrypt's profiles: lifetime, whether it is the one of old, kinds of identifiers, names in an order.
const PROFILES: [(&str, &str, bool, &[&str], u16); 3] = [
    ("classic", "7776000s", true, &["dns"], 100),
    ("tlsserver", "1080h", false, &["dns"], 25),
    ("shortlived", "160h", false, &["dns", "ip"], 25),
];

/// What the configurations are made from.
pub(super) struct Config<'a> {
    /// The directory with the keys and the configurations.
    pub(super) dir: &'a Path,
    /// The URL that the accounts' URLs begin with.
    pub(super) accounts: String,
    /// The CT logs.
    pub(super) logs: &'a [Log; 2],
    /// How Boulder is to behave.
    pub(super) options: &'a BoulderOptions,
}

impl Config<'_> {
    /// Returns every file but the keys and certificates.
    pub(super) fn files(&self) -> Vec<(String, String)> {
        let parts = Part::ALL.map(|part| (format!("{part}.json"), self.part(part).to_string()));
        let mut files = parts.to_vec();
        // The database asks nobody who they are, but to Boulder the users are different databases.
        let database =
            |user: &str, name: &str| format!("{user}@tcp(127.0.0.1:{})/{name}", port::DATABASE);
        for (name, content) in [
            ("database", database("writer", "boulder_sa")),
            ("database-to-read", database("reader", "boulder_sa")),
            ("incidents", database("auditor", "incidents_sa")),
            ("nonce-secret", "6e6f6e63657320617265206e6f7420666f7220666f7265766572206865726521".into()),
            ("redis-password", "boulder".to_owned()),
            ("redis.conf", self.redis()),
            ("logs.json", self.log_list().to_string()),
            ("log-server.json", self.log_server().to_string()),
            // YAML, which JSON is a part of.
            ("policy.yaml", json!({
                "ExactBlockedNames": ["exactly.blocked.example.com"],
                "HighRiskBlockedNames": ["blocked-by-policy.com", "test", "invalid", "localhost"],
                "AdminBlockedNames": ["blocked-by-admin.com"],
            }).to_string()),
            ("limits.yaml", self.options.limits().to_string()),
        ] {
            files.push((name.to_owned(), content));
        }
        files
    }

    fn part(&self, part: Part) -> Value {
        let (section, content) = match part {
            Part::Storage => ("sa", self.storage()),
            Part::Publisher => ("publisher", self.publisher()),
            Part::Nonce => ("NonceService", self.nonce()),
            Part::Remote1 => ("rva", self.remote(0)),
            Part::Remote2 => ("rva", self.remote(1)),
            Part::Remote3 => ("rva", self.remote(2)),
            Part::Validation => ("va", self.validation()),
            Part::Registration | Part::RegistrationForLogs => ("ra", self.registration()),
            Part::Certificate => ("ca", self.certificate()),
            Part::WebFrontEnd => ("wfe", self.web_front_end()),
        };
        let log = json!({"stdoutlevel": 6, "sysloglevel": -1});
        let kinds = ["http-01", "dns-01", "tls-alpn-01", "dns-account-01", "dns-persist-01"];
        let policy = json!({
            "challenges": kinds.map(|kind| (kind.to_owned(), json!(true))).into_iter().collect::<Map<_, _>>(),
            "identifiers": {"dns": true, "ip": true},
        });
        match section {
            "NonceService" => json!({section: merged(content, json!({"syslog": log}))}),
            "ra" | "ca" => json!({section: content, "syslog": log, "pa": policy}),
            _ => json!({section: content, "syslog": log}),
        }
    }

    fn storage(&self) -> Value {
        let database = |name| json!({"dbConnectFile": self.file(name), "maxOpenConns": 20});
        json!({
            "db": database("database"),
            "readOnlyDB": database("database-to-read"),
            "incidentsDB": database("incidents"),
            "lagFactor": "200ms",
            "tls": self.tls("sa"),
            "grpc": serves(&[
                ("sa.StorageAuthority", &["ca", "ra"]),
                ("sa.StorageAuthorityReadOnly", &["ra", "wfe"]),
            ]),
        })
    }

    fn publisher(&self) -> Value {
        json!({
            "userAgent": "boulder/1.0",
            "chains": [self.chain("ec", "ec"), self.chain("rsa", "rsa")],
            "tls": self.tls("publisher"),
            "grpc": serves(&[("Publisher", &["ra"])]),
        })
    }

    fn nonce(&self) -> Value {
        // Its address is part of what nonces begin with.
        let address = json!({"address": format!("127.0.0.1:{}", Part::Nonce.port())});
        json!({
            "maxUsed": 131_072,
            "nonceHMACKey": {"keyFile": self.file("nonce-secret")},
            "tls": self.tls("nonce"),
            "grpc": merged(serves(&[("nonce.NonceService", &["wfe"])]), address),
        })
    }

    fn remote(&self, number: usize) -> Value {
        let (perspective, registry) = PERSPECTIVES[number];
        let own = json!({"perspective": perspective, "rir": registry});
        merged(self.validator("rva", "va"), own)
    }

    fn validation(&self) -> Value {
        let remotes = [Part::Remote1, Part::Remote2, Part::Remote3];
        let remotes = remotes.iter().zip(PERSPECTIVES).map(|(part, (perspective, registry))| {
            merged(to(*part, "15s"), json!({"perspective": perspective, "rir": registry}))
        });
        let own = json!({"slowRemoteTimeout": "2s", "remoteVAs": remotes.collect::<Vec<_>>()});
        merged(self.validator("va", "ra"), own)
    }

    fn validator(&self, name: &str, client: &str) -> Value {
        json!({
            "userAgent": format!("boulder {name}"),
            "dnsTries": 3,
            "dnsStaticResolvers": [format!("127.0.0.1:{}", port::DOH)],
            "dnsTimeout": "1s",
            "issuerDomain": CA_DOMAIN,
            "accountURIPrefixes": [self.accounts],
            "tls": self.tls(name),
            "grpc": serves(&[("va.VA", &[client]), ("va.CAA", &[client])]),
            "features": {"DNSAccount01Enabled": true, "DNSPersist01Enabled": true},
        })
    }

    fn registration(&self) -> Value {
        let profiles = PROFILES.map(|(name, _, of_old, kinds, names)| {
            let (pending, valid) = if of_old { ("168h", "720h") } else { ("7h", "7h") };
            let profile = json!({
                "pendingAuthzLifetime": pending,
                "validAuthzLifetime": valid,
                "orderLifetime": pending,
                "maxNames": names,
                "identifierTypes": kinds,
            });
            (name.to_owned(), profile)
        });
        let mut features = json!({
            "AsyncFinalize": self.options.next,
            "CAARechecksFailOrder": true,
            "DNSAccount01Enabled": true,
            "DNSPersist01Enabled": true,
        });
        if self.options.next {
            features["SetAuthzProcessing"] = json!(true);
            features["RevokeAuthzsUponRevokeCert"] = json!(true);
        }
        json!({
            "hostnamePolicyFile": self.file("policy.yaml"),
            "goodkey": {},
            "issuerCerts": [self.file("issuer-ec.pem"), self.file("issuer-rsa.pem")],
            "validationProfiles": Map::from_iter(profiles),
            "defaultProfileName": "classic",
            "finalizeTimeout": "30s",
            "tls": self.tls("ra"),
            "vaService": to(Part::Validation, "20s"),
            "caService": to(Part::Certificate, "15s"),
            "publisherService": to(Part::Publisher, "300s"),
            "saService": to(Part::Storage, "15s"),
            "grpc": serves(&[("ra.RegistrationAuthority", &["wfe"]), ("ra.SCTProvider", &["ca"])]),
            "limiter": self.limiter("ra"),
            "features": features,
            "ctLogs": {
                "stagger": "500ms",
                "logListFile": self.file("logs.json"),
                "sctLogs": ["log 0", "log 1"],
                "finalLogs": ["log 0"],
            },
        })
    }

    fn certificate(&self) -> Value {
        let profiles = PROFILES.map(|(name, lifetime, of_old, ..)| {
            let profile = json!({
                "omitCommonName": !of_old,
                "omitKeyEncipherment": !of_old,
                "omitSKID": !of_old,
                "maxValidityPeriod": lifetime,
                "maxValidityBackdate": "1h5m",
                "ignoredLints": [
                    "w_subject_common_name_included",
                    "w_ext_subject_key_identifier_not_recommended_subscriber",
                    "w_ext_subject_key_identifier_missing_sub_cert",
                ],
            });
            (name.to_owned(), profile)
        });
        let names = PROFILES.map(|(name, ..)| name);
        let issuers = ["ec", "rsa"].map(|kind| {
            json!({
                "profiles": names,
                "crlShards": 10,
                "issuerURL": format!("http://issuer.example.net/{kind}"),
                "crlURLBase": format!("http://crl.example.net/{kind}/"),
                "location": {
                    "file": self.file(&format!("issuer-{kind}.key")),
                    "certFile": self.file(&format!("issuer-{kind}.pem")),
                },
            })
        });
        json!({
            "hostnamePolicyFile": self.file("policy.yaml"),
            "goodkey": {},
            "serialPrefixHex": "6e",
            "ocspLogMaxLength": 4000,
            "ctLogListFile": self.file("logs.json"),
            "tls": self.tls("ca"),
            "sctService": to(Part::RegistrationForLogs, "15s"),
            "saService": to(Part::Storage, "15s"),
            "grpcCA": serves(&[("ca.CertificateAuthority", &["ra"]), ("ca.CRLGenerator", &["ca"])]),
            "issuance": {
                "certProfiles": Map::from_iter(profiles),
                "crlProfile": {"validityInterval": "216h", "maxBackdate": "1h5m"},
                "issuers": issuers,
            },
        })
    }

    fn web_front_end(&self) -> Value {
        let profiles =
            PROFILES.map(|(name, ..)| (name.to_owned(), json!(format!("the profile {name}"))));
        let nonces = json!({
            "dnsAuthority": format!("127.0.0.1:{}", port::SRV),
            "srvLookups": [{"service": "nonce", "domain": INTERNAL}],
            "srvResolver": "nonce-srv-v2",
            "timeout": "15s",
            "noWaitForReady": true,
            "hostOverride": "nonce.boulder",
        });
        json!({
            "timeout": "30s",
            "serverCertificatePath": self.file("web.pem"),
            "serverKeyPath": self.file("web.key"),
            "allowOrigins": ["*"],
            "shutdownStopTimeout": "10s",
            "subscriberAgreementURL": "https://ca.example.net/terms",
            "directoryCAAIdentity": CA_DOMAIN,
            "directoryWebsite": "https://ca.example.net",
            "legacyKeyIDPrefix": "http://ca.example.net/reg/",
            "accountURIPrefix": self.accounts,
            "goodkey": {},
            "tls": self.tls("wfe"),
            "raService": to(Part::Registration, "15s"),
            "saService": to(Part::Storage, "15s"),
            "getNonceService": to(Part::Nonce, "15s"),
            "redeemNonceService": nonces,
            "nonceHMACKey": {"keyFile": self.file("nonce-secret")},
            "chains": [self.chain("ec", "ec"), self.chain("rsa", "rsa"), self.chain("cross", "rsa")],
            "staleTimeout": "5m",
            "features": {"PropagateCancels": true},
            "limiter": self.limiter("wfe"),
            "certProfiles": Map::from_iter(profiles),
        })
    }

    fn limiter(&self, name: &str) -> Value {
        json!({
            "redis": {
                "username": "boulder",
                "passwordFile": self.file("redis-password"),
                "shardAddrs": {"one": format!("127.0.0.1:{}", port::REDIS)},
                "readTimeout": "1s",
                "writeTimeout": "1s",
                "poolSize": 20,
                "tls": self.tls(name),
            },
            "defaults": self.file("limits.yaml"),
        })
    }

    fn redis(&self) -> String {
        format!(
            "port 0\nbind 127.0.0.1\ntls-port {}\nsave \"\"\ndir {}\n\
             user default off\nuser boulder on +@all ~* >boulder\n\
             tls-cert-file {}\ntls-key-file {}\ntls-ca-cert-file {}\n",
            port::REDIS,
            self.dir.display(),
            self.file("redis.pem"),
            self.file("redis.key"),
            self.file("services.pem"),
        )
    }

    /// Two logs of two operators, as many as a certificate needs.
    fn log_list(&self) -> Value {
        let operators =
            self.logs.iter().zip(port::LOGS).enumerate().map(|(number, (log, port))| {
                json!({
                    "name": format!("operator {number}"),
                    "email": [],
                    "logs": [{
                        "description": format!("log {number}"),
                        "log_id": log.id,
                        "key": log.public,
                        "url": format!("http://127.0.0.1:{port}"),
                        "mmd": 86_400,
                        "temporal_interval": {
                            "start_inclusive": "2020-01-01T00:00:00Z",
                            "end_exclusive": "2099-01-01T00:00:00Z",
                        },
                        "state": {"usable": {"timestamp": "2020-01-01T00:00:00Z"}},
                    }],
                })
            });
        json!({
            "version": "1",
            "log_list_timestamp": "2020-01-01T00:00:00Z",
            "operators": operators.collect::<Vec<_>>(),
        })
    }

    fn log_server(&self) -> Value {
        let logs = self.logs.iter().zip(port::LOGS);
        let logs = logs
            .map(|(log, port)| json!({"addr": format!("127.0.0.1:{port}"), "privKey": log.secret}));
        json!({"personalities": logs.collect::<Vec<_>>()})
    }

    fn chain(&self, issuer: &str, root: &str) -> [String; 2] {
        [self.file(&format!("issuer-{issuer}.pem")), self.file(&format!("root-{root}.pem"))]
    }

    fn tls(&self, name: &str) -> Value {
        json!({
            "caCertFile": self.file("services.pem"),
            "certFile": self.file(&format!("{name}.pem")),
            "keyFile": self.file(&format!("{name}.key")),
        })
    }

    fn file(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }
}

/// How a service reaches another one; it does not wait for one that is gone, as in Boulder's own tests.
fn to(part: Part, timeout: &str) -> Value {
    json!({
        "serverAddress": format!("127.0.0.1:{}", part.port()),
        "hostOverride": format!("{}.boulder", part.certificate()),
        "timeout": timeout,
        "noWaitForReady": true,
    })
}

/// Which gRPC interfaces a service has, and for whom; all of these may ask for its health, or it would not start.
fn serves(interfaces: &[(&str, &[&str])]) -> Value {
    let names = |clients: &[&str]| -> Vec<String> {
        clients.iter().map(|client| format!("{client}.boulder")).collect()
    };
    let mut services = Map::new();
    let mut all: Vec<&str> = Vec::new();
    for (interface, clients) in interfaces {
        services.insert((*interface).to_owned(), json!({"clientNames": names(clients)}));
        all.extend(*clients);
    }
    all.sort_unstable();
    all.dedup();
    services.insert("grpc.health.v1.Health".to_owned(), json!({"clientNames": names(&all)}));
    json!({"maxConnectionAge": "30m", "services": services})
}

fn merged(mut one: Value, other: Value) -> Value {
    if let (Value::Object(one), Value::Object(other)) = (&mut one, other) {
        one.extend(other);
    }
    one
}
