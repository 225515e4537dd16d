//! The implementation that the ECDSA keys share.

/// Defines a key on one curve: `$curve` is its crate, `$octets` the length of a coordinate in
/// octets.
macro_rules! ecdsa_key {
    ($(#[$doc:meta])* $name:ident, $curve:ident, $octets:literal, $algorithm:ident) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name {
            key: $curve::ecdsa::SigningKey,
        }

        impl $name {
            /// Generates a new key.
            pub fn generate<R: $crate::signer::CryptoRng>(rng: &mut R) -> Self {
                use $curve::elliptic_curve::Generate;

                Self { key: $curve::ecdsa::SigningKey::generate_from_rng(rng) }
            }

            /// Parses PKCS #8 in DER.
            ///
            /// # Errors
            ///
            /// Fails if the octets are not PKCS #8, or the key is on another curve.
            pub fn from_pkcs8_der(
                der: &[u8],
            ) -> Result<Self, $crate::signer::InvalidPrivateKey> {
                use $curve::pkcs8::DecodePrivateKey;

                let key = $curve::ecdsa::SigningKey::from_pkcs8_der(der);
                key.map(|key| Self { key })
                    .map_err(|_| $crate::signer::InvalidPrivateKey::Pkcs8)
            }

            /// Parses PKCS #8 in PEM.
            ///
            /// # Errors
            ///
            /// Fails if the text is not PKCS #8, is encrypted, or the key is on another curve.
            pub fn from_pkcs8_pem(
                text: &str,
            ) -> Result<Self, $crate::signer::InvalidPrivateKey> {
                Self::from_pkcs8_der($crate::signer::pkcs8::from_pem(text)?.as_bytes())
            }

            #[doc = concat!("Creates a key from its private scalar: ", stringify!($octets), " octets, big-endian.")]
            ///
            /// # Errors
            ///
            /// Fails if the length differs, or the number is zero or not below the order of the
            /// curve.
            pub fn from_scalar(
                scalar: &[u8],
            ) -> Result<Self, $crate::signer::InvalidPrivateKey> {
                let invalid = $crate::signer::InvalidPrivateKey::Scalar;
                if scalar.len() != $octets {
                    return Err(invalid);
                }
                let key = $curve::ecdsa::SigningKey::from_slice(scalar);
                key.map(|key| Self { key }).map_err(|_| invalid)
            }

            /// Returns the public key.
            pub fn public_key(&self) -> $crate::jose::Jwk {
                let point = self.key.verifying_key().to_sec1_point(false);
                $crate::jose::Jwk::from_sec1($crate::jose::Algorithm::$algorithm, point.as_bytes())
                    .expect("the uncompressed point of this curve has the right length")
            }

            /// Hashes and signs a message.
            pub fn sign(&self, message: &[u8]) -> $crate::jose::Signature {
                use signature::Signer;

                let signature: $curve::ecdsa::Signature = self.key.sign(message);
                $crate::jose::Signature::from_bytes(
                    $crate::jose::Algorithm::$algorithm,
                    &signature.to_bytes(),
                )
                .expect("a signature of this curve has the right length")
            }

            /// Returns the key as PKCS #8 in PEM, which is wiped from memory when dropped.
            pub fn to_pkcs8_pem(&self) -> zeroize::Zeroizing<alloc::string::String> {
                use $curve::pkcs8::EncodePrivateKey;

                let document = self.key.to_pkcs8_der().expect("a key can be encoded");
                $crate::signer::pkcs8::to_pem(&document)
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("public_key", &self.public_key())
                    .finish_non_exhaustive()
            }
        }
    };
}

pub(super) use ecdsa_key;
