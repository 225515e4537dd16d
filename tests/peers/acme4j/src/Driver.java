import java.io.FileWriter;
import java.net.InetAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.security.KeyStore;
import java.security.Security;
import java.security.cert.Certificate;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.shredzone.acme4j.Account;
import org.shredzone.acme4j.AccountBuilder;
import org.shredzone.acme4j.Authorization;
import org.shredzone.acme4j.Identifier;
import org.shredzone.acme4j.Order;
import org.shredzone.acme4j.OrderBuilder;
import org.shredzone.acme4j.RevocationReason;
import org.shredzone.acme4j.Session;
import org.shredzone.acme4j.Status;
import org.shredzone.acme4j.challenge.Challenge;
import org.shredzone.acme4j.challenge.Dns01Challenge;
import org.shredzone.acme4j.challenge.Http01Challenge;
import org.shredzone.acme4j.challenge.TlsAlpn01Challenge;
import org.shredzone.acme4j.util.KeyPairUtils;

/** Drives acme4j. Usage: Driver ROW NAME..., with the environment that tests/src/clients/case.rs sets. */
public final class Driver {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final String row;
    private final List<String> names;
    private final Session session = new Session(env("ACME_DIRECTORY"));
    private final KeyPair certificateKey = newKey();
    private KeyPair accountKey = newKey();
    private SSLServerSocket listener;

    private Driver(String[] arguments) {
        row = arguments[0];
        names = List.of(arguments).subList(1, arguments.length);
    }

    public static void main(String[] arguments) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        try {
            new Driver(arguments).run();
        } catch (Exception e) {
            System.err.println(e);
            System.exit(1);
        }
        System.exit(0);
    }

    private void run() throws Exception {
        Account account = register();
        switch (row) {
            case "update" -> {
                var update = account.modify();
                update.getContacts().clear();
                update.addContact("mailto:second@example.test").commit();
                return;
            }
            case "deactivate" -> {
                account.deactivate();
                return;
            }
            case "rollover" -> {
                KeyPair next = newKey();
                account.changeKey(next);
                accountKey = next;
                account = session.login(account.getLocation(), next).getAccount();
            }
            case "pre-authorization" -> solve(account.preAuthorizeDomain(names.get(0)));
            default -> {
            }
        }
        var certificate = issue(account, order(account));
        if (certificate == null) {
            return;
        }
        switch (row) {
            case "revoke" -> certificate.revoke(RevocationReason.SUPERSEDED);
            case "revoke-key" -> org.shredzone.acme4j.Certificate.revoke(
                session, certificateKey, certificate.getCertificate(), RevocationReason.KEY_COMPROMISE);
            case "renewal", "replaces" -> {
                certificate.getRenewalInfo().fetch();
                issue(account, order(account).replaces(certificate));
            }
            case "orders" -> {
                issue(account, order(account));
                int count = 0;
                for (var orders = account.getOrders(); orders.hasNext(); orders.next().fetch()) {
                    count++;
                }
                require(count == 2, "there are " + count + " orders");
            }
            default -> {
            }
        }
    }

    private Account register() throws Exception {
        var builder = new AccountBuilder().agreeToTermsOfService().addContact("mailto:first@example.test").useKeyPair(accountKey);
        if (System.getenv("EAB_KID") != null) {
            builder.withKeyIdentifier(env("EAB_KID"), env("EAB_HMAC"));
        }
        return builder.create(session);
    }

    private OrderBuilder order(Account account) throws Exception {
        OrderBuilder builder = account.newOrder();
        for (String name : names) {
            builder.identifier(row.equals("ip") ? Identifier.ip(name) : Identifier.dns(name));
        }
        switch (row) {
            case "profile" -> builder.profile(env("PROFILE"));
            case "not-after" -> builder.notAfter(Instant.now().plus(7, ChronoUnit.DAYS).truncatedTo(ChronoUnit.SECONDS));
            default -> {
            }
        }
        return builder;
    }

    private org.shredzone.acme4j.Certificate issue(Account account, OrderBuilder builder) throws Exception {
        Order order = builder.create();
        for (Authorization authorization : order.getAuthorizations()) {
            solve(authorization);
            if (row.equals("authorization")) {
                authorization.deactivate();
                return null;
            }
        }
        require(order.waitUntilReady(PATIENCE) == Status.READY, "the order is " + order.getStatus());
        order.execute(certificateKey);
        require(order.waitForCompletion(PATIENCE) == Status.VALID, "the order is " + order.getStatus());
        var certificate = order.getCertificate();
        if (row.equals("chain")) {
            // findCertificate(issuer) compares whole names with a common name alone.
            certificate = certificate.getAlternateCertificates().stream().filter(Driver::isPreferred).findFirst().orElseThrow();
        }
        try (FileWriter writer = new FileWriter(Path.of(env("OUT"), "chain.pem").toFile())) {
            certificate.writeCertificate(writer);
        }
        return certificate;
    }

    private static boolean isPreferred(org.shredzone.acme4j.Certificate certificate) {
        var chain = certificate.getCertificateChain();
        return chain.get(chain.size() - 1).getIssuerX500Principal().getName().contains("CN=" + env("PREFERRED_CHAIN"));
    }

    private void solve(Authorization authorization) throws Exception {
        if (authorization.getStatus() == Status.VALID) {
            return;
        }
        Challenge challenge = switch (row) {
            case "dns-01" -> {
                var found = authorization.findChallenge(Dns01Challenge.class).orElseThrow();
                setTxt(Dns01Challenge.toRRName(authorization.getIdentifier()), found.getDigest());
                yield found;
            }
            case "tls-alpn-01" -> {
                var found = authorization.findChallenge(TlsAlpn01Challenge.class).orElseThrow();
                listen(found, authorization.getIdentifier());
                yield found;
            }
            default -> {
                var found = authorization.findChallenge(Http01Challenge.class).orElseThrow();
                Files.writeString(Path.of(env("WEBROOT"), found.getToken()), found.getAuthorization());
                yield found;
            }
        };
        challenge.trigger();
        Status status = challenge.waitForCompletion(PATIENCE);
        if (listener != null) {
            listener.close();
        }
        require(status == Status.VALID, "the challenge failed: " + challenge.getError().orElse(null));
    }

    /** Sets a TXT record at the test CA's management endpoint. */
    private static void setTxt(String name, String value) throws Exception {
        String body = "{\"host\":\"%s\",\"value\":\"%s\"}".formatted(name, value);
        var request = HttpRequest.newBuilder(URI.create(env("ACME_ORIGIN") + "/management/set-txt"))
            .POST(HttpRequest.BodyPublishers.ofString(body)).build();
        var answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        require(answer.statusCode() == 200, "set-txt: " + answer.statusCode());
    }

    /** Shows the certificate of a tls-alpn-01 challenge, until the listener is closed. */
    private void listen(TlsAlpn01Challenge challenge, Identifier identifier) throws Exception {
        KeyPair key = KeyPairUtils.createKeyPair(2048); // createCertificate signs with RSA only
        var store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setKeyEntry("challenge", key.getPrivate(), new char[0], new Certificate[] {challenge.createCertificate(key, identifier)});
        var keys = KeyManagerFactory.getInstance("SunX509");
        keys.init(store, new char[0]);
        var context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        int port = Integer.parseInt(env("TLS_PORT"));
        var socket = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(port, 8, InetAddress.getLoopbackAddress());
        var parameters = socket.getSSLParameters();
        parameters.setApplicationProtocols(new String[] {TlsAlpn01Challenge.ACME_TLS_1_PROTOCOL});
        socket.setSSLParameters(parameters);
        listener = socket;
        var thread = new Thread(() -> {
            while (!socket.isClosed()) {
                try (var connection = (SSLSocket) socket.accept()) {
                    connection.startHandshake();
                    connection.getInputStream().read();
                } catch (Exception ended) {
                    // The next connection may be better.
                }
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private static KeyPair newKey() {
        return KeyPairUtils.createECKeyPair("secp256r1");
    }

    private static String env(String name) {
        return java.util.Objects.requireNonNull(System.getenv(name), name);
    }

    private static void require(boolean condition, String otherwise) {
        if (!condition) {
            throw new IllegalStateException(otherwise);
        }
    }
}
