//! Keys as cosign and OpenSSL write them, and keys that must be refused.

use super::*;

const PASSWORD: Option<Password<'static>> = Some(Password("test-password"));

macro_rules! data {
    ($name:literal) => {
        include_str!(concat!("../../tests/data/", $name))
    };
}

#[test]
fn a_sealed_key_and_its_plain_form_are_the_same_key() {
    let cases = [
        (
            data!("p256.key"),
            data!("p256.pkcs8.pem"),
            data!("p256.pub"),
        ),
        (
            data!("rsa2048.key"),
            data!("rsa2048.pkcs8.pem"),
            data!("rsa2048.pub"),
        ),
    ];
    for (sealed, plain, public) in cases {
        let sealed = PrivateKey::from_pem(sealed, PASSWORD).unwrap();
        let plain = PrivateKey::from_pem(plain, None).unwrap();
        let public = PublicKey::from_pem(public).unwrap();
        assert_eq!(sealed.public().fingerprint(), public.fingerprint());
        assert_eq!(plain.public().fingerprint(), public.fingerprint());
    }
}

#[test]
fn the_hint_is_the_one_that_cosign_writes() {
    let public = PublicKey::from_pem(data!("p256.pub")).unwrap();
    assert!(data!("cosign-p256.json").contains(&format!("{:?}", public.hint())));
}

#[test]
fn a_public_key_is_written_as_it_was_read() {
    for text in [data!("p256.pub"), data!("rsa2048.pub")] {
        assert_eq!(PublicKey::from_pem(text).unwrap().to_pem(), text);
    }
}

#[test]
fn a_wrong_a_missing_and_an_empty_password_differ() {
    let open = |password| {
        PrivateKey::from_pem(data!("p256.key"), password)
            .err()
            .unwrap()
    };
    assert!(matches!(open(Some(Password("x"))), KeyError::PasswordWrong));
    assert!(matches!(open(Some(Password(""))), KeyError::PasswordWrong));
    assert!(matches!(open(None), KeyError::PasswordMissing));
}

#[test]
fn what_is_sealed_opens_with_its_password_also_the_empty_one() {
    let plain = crate::pem::read(data!("p256.pkcs8.pem")).unwrap().bytes;
    for password in ["", "pässword"] {
        let text = seal(&plain, Password(password), [7; 32], [9; 24]).unwrap();
        assert!(PrivateKey::from_pem(&text, Some(Password(password))).is_ok());
        assert!(PrivateKey::from_pem(&text, PASSWORD).is_err());
    }
}

#[test]
fn every_changed_byte_of_a_sealed_key_is_refused() {
    let block = crate::pem::read(data!("p256.key")).unwrap();
    let mut sealed: serde_json::Value = serde_json::from_slice(&block.bytes).unwrap();
    // Small parameters, so that trying is quick; a changed one derives another key.
    sealed["kdf"]["params"]["N"] = 2.into();
    let text = crate::pem::write(&block.label, &serde_json::to_vec(&sealed).unwrap());
    let refused = PrivateKey::from_pem(&text, PASSWORD).err().unwrap();
    assert!(matches!(refused, KeyError::PasswordWrong));
}

#[test]
fn a_derivation_that_would_eat_the_machine_is_refused_before_it_starts() {
    let block = crate::pem::read(data!("p256.key")).unwrap();
    let original: serde_json::Value = serde_json::from_slice(&block.bytes).unwrap();
    for (name, value) in [
        ("N", u64::MAX),
        ("N", 1 << 40),
        ("N", 65535),
        ("N", 0),
        ("N", 1),
        ("r", 1 << 20),
        ("r", 0),
        ("p", 1000),
        ("p", 0),
    ] {
        let mut sealed = original.clone();
        sealed["kdf"]["params"][name] = value.into();
        let text = crate::pem::write(&block.label, &serde_json::to_vec(&sealed).unwrap());
        let refused = PrivateKey::from_pem(&text, PASSWORD).err().unwrap();
        assert!(
            matches!(refused, KeyError::Derivation { .. }),
            "{name}={value}: {refused}"
        );
    }
}

#[test]
fn another_cipher_or_a_short_nonce_is_refused() {
    let block = crate::pem::read(data!("p256.key")).unwrap();
    let original: serde_json::Value = serde_json::from_slice(&block.bytes).unwrap();
    for (part, name, value) in [
        ("kdf", "name", "argon2"),
        ("cipher", "name", "aes-gcm"),
        ("cipher", "nonce", "AAAA"),
    ] {
        let mut sealed = original.clone();
        sealed[part][name] = value.into();
        let text = crate::pem::write(&block.label, &serde_json::to_vec(&sealed).unwrap());
        assert!(PrivateKey::from_pem(&text, PASSWORD).is_err(), "{value}");
    }
}

#[test]
fn weak_and_unsupported_keys_are_refused_by_name() {
    let public = |text| PublicKey::from_pem(text).err().unwrap();
    assert!(matches!(
        public(data!("rsa1024.pub")),
        KeyError::RsaBits { bits: 1024 }
    ));
    let p384 = public(data!("p384.pub")).to_string();
    assert!(p384.contains("1.3.132.0.34"), "{p384}");
    let ed25519 = public(data!("ed25519.pub")).to_string();
    assert!(ed25519.contains("1.3.101.112"), "{ed25519}");
    let private = |text| PrivateKey::from_pem(text, None).err().unwrap();
    assert!(matches!(
        private(data!("rsa1024.pkcs8.pem")),
        KeyError::RsaBits { bits: 1024 }
    ));
    assert!(matches!(
        private(data!("p384.pkcs8.pem")),
        KeyError::Algorithm { .. }
    ));
}

#[test]
fn a_key_of_the_other_half_or_in_an_old_format_says_what_is_expected() {
    let private = PublicKey::from_pem(data!("p256.pkcs8.pem")).err().unwrap();
    assert!(private.to_string().contains("openssl pkey -pubout"));
    let public = PrivateKey::from_pem(data!("p256.pub"), None).err().unwrap();
    assert!(public.to_string().contains("openssl pkcs8 -topk8"));
    let sec1 = crate::pem::write("EC PRIVATE KEY", b"x");
    let sec1 = PrivateKey::from_pem(&sec1, None).err().unwrap();
    assert!(sec1.to_string().contains("openssl pkcs8 -topk8"));
    assert!(PrivateKey::is_private(data!("p256.key")));
    assert!(!PrivateKey::is_private(data!("p256.pub")));
}

#[test]
fn no_error_shows_a_key_or_a_password() {
    let damaged = data!("p256.pkcs8.pem").replace("MIGH", "MIGG");
    let error = PrivateKey::from_pem(&damaged, Some(Password("hunter2")))
        .err()
        .unwrap();
    let body = data!("p256.pkcs8.pem").lines().nth(1).unwrap();
    let shown = format!("{error} {error:?}");
    assert!(
        !shown.contains("hunter2") && !shown.contains(&body[10..30]),
        "{shown}"
    );
}
