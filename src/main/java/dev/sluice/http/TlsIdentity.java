package dev.sluice.http;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Who a server is over TLS: its chain of certificates, and the key to the first of them. Immutable. */
public final class TlsIdentity {
    private static final int LARGEST_FILE = 1024 * 1024;
    private static final int MOST_CERTIFICATES = 10;
    private static final Pattern CERTIFICATE = block("CERTIFICATE");
    private static final Pattern KEY = block("PRIVATE KEY");

    /** Algorithm of a key → one to sign with, where it has another name. */
    private static final Map<String, String> SIGNATURES = Map.of("RSA", "SHA256withRSA", "EC", "SHA256withECDSA");

    private final PrivateKey key;
    private final List<X509Certificate> certificates;

    private TlsIdentity(PrivateKey key, List<X509Certificate> certificates) {
        this.key = key;
        this.certificates = certificates;
    }

    /**
     * Reads both files, at most 1 MiB each; they may be one. Blocks for them. Later changes of them go unnoticed.
     *
     * @param certificates 1 to 10 certificates as PEM, that of the server first, then those that vouch for it
     * @param key an RSA, EC or Ed25519 key as PEM: PKCS #8, without a password
     * @throws IllegalArgumentException if a file cannot be read, is none of these, or the key belongs to another certificate;
     *     the message names the file, and quotes nothing from it
     */
    public static TlsIdentity read(Path certificates, Path key) {
        List<X509Certificate> chain = certificatesIn(Objects.requireNonNull(certificates, "certificates"));
        List<byte[]> keys = blocksIn(Objects.requireNonNull(key, "key"), KEY);
        if (keys.isEmpty()) {
            throw new IllegalArgumentException(
                    "'" + key + "' has no '-----BEGIN PRIVATE KEY-----'; other forms of a key"
                            + " become one by: openssl pkcs8 -topk8 -nodes -in " + key);
        }
        PrivateKey own = keyTo(chain.get(0).getPublicKey(), keys.get(0));
        if (own == null) {
            throw new IllegalArgumentException(
                    "'" + key + "' has no sound key to the first certificate in '" + certificates + "'");
        }
        return new TlsIdentity(own, chain);
    }

    PrivateKey key() {
        return key;
    }

    List<X509Certificate> certificates() {
        return certificates;
    }

    /** Whom it says the server is; never the key. */
    @Override
    public String toString() {
        return "TlsIdentity[" + certificates.get(0).getSubjectX500Principal() + "]";
    }

    private static List<X509Certificate> certificatesIn(Path file) {
        List<byte[]> blocks = blocksIn(file, CERTIFICATE);
        if (blocks.isEmpty() || blocks.size() > MOST_CERTIFICATES) {
            throw new IllegalArgumentException("'" + file + "' must have 1 to " + MOST_CERTIFICATES
                    + " of '-----BEGIN CERTIFICATE-----', had " + blocks.size());
        }
        List<X509Certificate> chain = new ArrayList<>();
        try {
            CertificateFactory factory = CertificateFactory.getInstance("X.509");
            for (byte[] block : blocks) {
                chain.add((X509Certificate) factory.generateCertificate(new ByteArrayInputStream(block)));
            }
            return List.copyOf(chain);
        } catch (CertificateException e) {
            throw new IllegalArgumentException(
                    "'" + file + "' has a broken certificate, number " + (chain.size() + 1), e);
        }
    }

    /** The key that is encoded like this; null if there is none, or what it signs is not what {@code lock} verifies. */
    private static @Nullable PrivateKey keyTo(PublicKey lock, byte[] encoded) {
        String algorithm = lock.getAlgorithm();
        try {
            PrivateKey key = KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(encoded));
            Signature signature = Signature.getInstance(SIGNATURES.getOrDefault(algorithm, algorithm));
            signature.initSign(key);
            signature.update(encoded);
            byte[] signed = signature.sign();
            signature.initVerify(lock);
            signature.update(encoded);
            return signature.verify(signed) ? key : null;
        } catch (GeneralSecurityException noPair) {
            return null;
        }
    }

    private static List<byte[]> blocksIn(Path file, Pattern block) {
        List<byte[]> found = new ArrayList<>();
        Matcher blocks = block.matcher(textOf(file));
        while (blocks.find()) {
            found.add(decoded(file, blocks.group(1)));
        }
        return found;
    }

    /** Of a key nothing is quoted, neither here nor by a cause. */
    private static byte[] decoded(Path file, String block) {
        try {
            return Base64.getMimeDecoder().decode(block);
        } catch (IllegalArgumentException damaged) {
            throw new IllegalArgumentException("'" + file + "' has a block that is no base64: is it a whole copy?");
        }
    }

    private static String textOf(Path file) {
        try {
            if (Files.size(file) > LARGEST_FILE) {
                throw new IllegalArgumentException("'" + file + "' has more than " + LARGEST_FILE + " bytes");
            }
            return Files.readString(file, StandardCharsets.ISO_8859_1);
        } catch (NoSuchFileException e) {
            throw new IllegalArgumentException("'" + file + "' is not there", e);
        } catch (IOException e) {
            throw new IllegalArgumentException("'" + file + "' cannot be read: " + e, e);
        }
    }

    private static Pattern block(String what) {
        return Pattern.compile("-----BEGIN " + what + "-----([A-Za-z0-9+/=\\s]++)-----END " + what + "-----");
    }
}
