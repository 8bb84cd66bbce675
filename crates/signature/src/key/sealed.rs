//! cosign's encrypted key files (cosign `pkg/cosign/keys.go`, go-securesystemslib `encrypted`): a PKCS #8 key in
//! a NaCl secretbox under a key that scrypt derives from the password.

use crypto_secretbox::{
    XSalsa20Poly1305,
    aead::{Aead as _, KeyInit as _},
};
use scrypt::{Params, scrypt};
use serde::{Deserialize, Serialize};

use super::{KeyError, malformed};
use crate::{encoding, pem};

const WHAT: &str = "encrypted private key file";
/// The memory that deriving the key may take, in bytes: scrypt needs 128 · N · r. cosign writes N = 65536, r = 8
/// (64 MiB), older versions half of that; four times as much leaves room and still bounds a hostile file.
const SCRYPT_LIMIT_BYTES: u64 = 256 * 1024 * 1024;
/// cosign writes p = 1; time grows with it.
const SCRYPT_LIMIT_P: u32 = 4;
const ACCEPTED: &str =
    "scrypt with N a power of two, 128 * N * r of at most 256 MiB and p of at most 4";

/// The password of a key file; the empty one is a password too. It has neither `Debug` nor `Display`.
#[derive(Clone, Copy)]
pub struct Password<'a>(pub &'a str);

#[derive(Serialize, Deserialize)]
struct Sealed {
    kdf: Kdf,
    cipher: Cipher,
    #[serde(with = "encoding")]
    ciphertext: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Kdf {
    name: String,
    params: KdfParams,
    #[serde(with = "encoding")]
    salt: Vec<u8>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct KdfParams {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Serialize, Deserialize)]
struct Cipher {
    name: String,
    #[serde(with = "encoding")]
    nonce: Vec<u8>,
}

/// Opens the content of an encrypted key file.
pub(super) fn open(bytes: &[u8], password: Password<'_>) -> Result<Vec<u8>, KeyError> {
    // Its error would quote what it found.
    let sealed: Sealed = serde_json::from_slice(bytes)
        .map_err(|_| malformed(WHAT)("it is not the JSON that cosign writes"))?;
    if sealed.kdf.name != "scrypt" || sealed.cipher.name != "nacl/secretbox" {
        return Err(KeyError::Derivation {
            asked: "another way to derive its key, or another cipher".to_owned(),
            expected: "scrypt and nacl/secretbox",
        });
    }
    let nonce: [u8; 24] = sealed
        .cipher
        .nonce
        .try_into()
        .map_err(|_| malformed(WHAT)("its nonce does not have 24 bytes"))?;
    let key = derive(password, &sealed.kdf.salt, sealed.kdf.params)?;
    secretbox(&key)
        .decrypt(&nonce.into(), sealed.ciphertext.as_slice())
        .map_err(|_| KeyError::PasswordWrong)
}

/// Writes a PKCS #8 key as cosign's encrypted key file, with cosign's own parameters. `salt` and `nonce` must be
/// random and used once; this crate has no source of randomness.
///
/// # Errors
/// Only if the key could not be derived or the file not be written, which these parameters do not allow.
pub fn seal(
    pkcs8_der: &[u8],
    password: Password<'_>,
    salt: [u8; 32],
    nonce: [u8; 24],
) -> Result<String, KeyError> {
    let params = KdfParams {
        n: 65536,
        r: 8,
        p: 1,
    };
    let key = derive(password, &salt, params)?;
    let ciphertext = secretbox(&key)
        .encrypt(&nonce.into(), pkcs8_der)
        .map_err(|_| malformed(WHAT)("the key is too long to be encrypted"))?;
    let sealed = Sealed {
        kdf: Kdf {
            name: "scrypt".into(),
            params,
            salt: salt.into(),
        },
        cipher: Cipher {
            name: "nacl/secretbox".into(),
            nonce: nonce.into(),
        },
        ciphertext,
    };
    let json = serde_json::to_vec(&sealed).map_err(malformed(WHAT))?;
    Ok(pem::write("ENCRYPTED SIGSTORE PRIVATE KEY", &json))
}

fn secretbox(key: &[u8; 32]) -> XSalsa20Poly1305 {
    XSalsa20Poly1305::new(&(*key).into())
}

fn derive(password: Password<'_>, salt: &[u8], asked: KdfParams) -> Result<[u8; 32], KeyError> {
    let refused = || KeyError::Derivation {
        asked: format!("scrypt with N={}, r={}, p={}", asked.n, asked.r, asked.p),
        expected: ACCEPTED,
    };
    let memory = asked
        .n
        .checked_mul(u64::from(asked.r))
        .and_then(|product| product.checked_mul(128));
    let bounded = memory.is_some_and(|bytes| bytes <= SCRYPT_LIMIT_BYTES);
    if !bounded || asked.p > SCRYPT_LIMIT_P || asked.n < 2 || !asked.n.is_power_of_two() {
        return Err(refused());
    }
    let log_n = u8::try_from(asked.n.trailing_zeros()).map_err(|_| refused())?;
    let params = Params::new(log_n, asked.r, asked.p).map_err(|_| refused())?;
    let mut key = [0; 32];
    scrypt(password.0.as_bytes(), salt, &params, &mut key)
        .map_err(|e| malformed(WHAT)(e.to_string()))?;
    Ok(key)
}
