package dev.sluice.http;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** A certificate of localhost for two days, made when it is needed: the JDK can sign one, but not write it down. */
public final class SelfSigned {
    /** Algorithm of the key → that of the signature, and its identifier. */
    private static final Map<String, List<String>> ALGORITHMS = Map.of(
            "RSA", List.of("SHA256withRSA", "300d06092a864886f70d01010b0500"),
            "EC", List.of("SHA256withECDSA", "300a06082a8648ce3d040302"),
            "Ed25519", List.of("Ed25519", "300506032b6570"));

    private static final int SEQUENCE = 0x30;
    private static final int NUMBER = 2;
    private static final int BITS = 3;
    private static final int BYTES = 4;
    private static final int TIME = 0x17;
    private static final int TEXT = 0x0c;
    private static final DateTimeFormatter FORM =
            DateTimeFormatter.ofPattern("yyMMddHHmmss'Z'").withZone(ZoneOffset.UTC);

    private final KeyPair pair;
    private final byte[] certificate;

    private SelfSigned(KeyPair pair, byte[] certificate) {
        this.pair = pair;
        this.certificate = certificate;
    }

    /** With a key of RSA, EC or Ed25519. */
    public static SelfSigned of(String algorithm) {
        try {
            KeyPair pair = KeyPairGenerator.getInstance(algorithm).generateKeyPair();
            return new SelfSigned(pair, certificate(pair, ALGORITHMS.get(algorithm)));
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Writes its certificate there. */
    public Path certificate(Path file) {
        return write(file, "CERTIFICATE", certificate);
    }

    /** Writes its key there. */
    public Path key(Path file) {
        return write(file, "PRIVATE KEY", pair.getPrivate().getEncoded());
    }

    /** Of a client that trusts it alone. */
    public SSLContext client() {
        try {
            KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
            trusted.load(null, null);
            trusted.setCertificateEntry(
                    "it",
                    CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(certificate)));
            TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trust.init(trusted);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, trust.getTrustManagers(), null);
            return context;
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Path write(Path file, String what, byte[] bytes) {
        try {
            return Files.writeString(
                    file,
                    "-----BEGIN " + what + "-----\n"
                            + Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(bytes) + "\n-----END " + what
                            + "-----\n");
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static byte[] certificate(KeyPair pair, List<String> algorithm) throws GeneralSecurityException {
        Instant now = Instant.now();
        byte[] signing = HexFormat.of().parseHex(algorithm.get(1));
        byte[] commonName = HexFormat.of().parseHex("0603550403");
        byte[] name =
                node(SEQUENCE, node(0x31, node(SEQUENCE, commonName, node(TEXT, "localhost".getBytes(US_ASCII)))));
        byte[] names =
                node(SEQUENCE, node(0x82, "localhost".getBytes(US_ASCII)), node(0x87, new byte[] {127, 0, 0, 1}));
        byte[] alternativeNames = HexFormat.of().parseHex("0603551d11");
        byte[] told = node(
                SEQUENCE,
                node(0xa0, node(NUMBER, new byte[] {2})),
                node(NUMBER, new BigInteger(63, new SecureRandom()).toByteArray()),
                signing,
                name,
                node(SEQUENCE, time(now.minus(1, ChronoUnit.DAYS)), time(now.plus(1, ChronoUnit.DAYS))),
                name,
                pair.getPublic().getEncoded(),
                node(0xa3, node(SEQUENCE, node(SEQUENCE, alternativeNames, node(BYTES, names)))));
        Signature signature = Signature.getInstance(algorithm.get(0));
        signature.initSign(pair.getPrivate());
        signature.update(told);
        return node(SEQUENCE, told, signing, node(BITS, new byte[1], signature.sign()));
    }

    private static byte[] time(Instant time) {
        return node(TIME, FORM.format(time).getBytes(US_ASCII));
    }

    /** As DER: what it is, how long, and of what it consists. */
    private static byte[] node(int tag, byte[]... parts) {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            content.writeBytes(part);
        }
        ByteArrayOutputStream node = new ByteArrayOutputStream();
        node.write(tag);
        int length = content.size();
        if (length >= 0x100) {
            node.write(0x82);
            node.write(length >> 8);
        } else if (length >= 0x80) {
            node.write(0x81);
        }
        node.write(length);
        node.writeBytes(content.toByteArray());
        return node.toByteArray();
    }
}
