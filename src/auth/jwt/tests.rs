//! Tokens as the RFCs have them, and forged ones.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD as BASE64};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

use super::*;
use crate::auth::entitlement::Entitlement;

const NOW: Ts = Ts(1_800_000_000_000_000_000);
const NOW_S: i64 = NOW.0 / 1_000_000_000;

fn entitlements() -> Entitlements {
    Entitlements::new([Entitlement::example("pro")])
}

fn jwt(keys: &str) -> Jwt {
    let keys = file::keys(keys.as_bytes(), false).expect(keys);
    let (audience, issuer) = ("tickwire".to_owned(), None);
    Jwt { keys, audience, issuer }
}

fn find(jwt: &Jwt, token: &str) -> Result<Identity, Denied> {
    jwt.find(token, &entitlements(), NOW)
}

fn claims() -> Value {
    json!({"sub": "alice", "aud": "tickwire", "exp": NOW_S + 60, "entitlement": "pro"})
}

/// A token with any header, payload and signature.
fn token(header: &Value, claims: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let signed = [header, claims].map(|part| BASE64.encode(part.to_string())).join(".");
    let signature = BASE64.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

const SECRET: &[u8] = b"a secret of more than thirty-two bytes";

fn hs256(header: &Value, claims: &Value) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET);
    token(header, claims, |message| hmac::sign(&key, message).as_ref().to_vec())
}

/// Verifies HS256 by [`SECRET`].
fn shared() -> Jwt {
    jwt(&json!({"kty": "oct", "k": BASE64.encode(SECRET)}).to_string())
}

/// RFC 7515, A.1 to A.3, and RFC 8037, A.4: key, header, payload, signature.
const VECTORS: [(&str, &str, &str); 4] = [
    (
        r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#,
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    ),
    (
        RSA_KEY,
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    ),
    (
        r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    ),
    (
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    ),
];

const RSA_KEY: &str = r#"{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}"#;

#[test]
fn the_rfcs_signatures_are_good_and_with_one_bit_changed_they_are_not() {
    for (key, signed, signature) in VECTORS {
        let jwt = jwt(key);
        // All is well but for the claims, which are none of ours.
        let whole = format!("{signed}.{signature}");
        assert_eq!(find(&jwt, &whole).err(), Some(Denied::Malformed), "{key}");
        let mut bytes = BASE64.decode(signature).expect("base64");
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            bytes[at] ^= 1;
            let changed = format!("{signed}.{}", BASE64.encode(&bytes));
            assert_eq!(find(&jwt, &changed).err(), Some(Denied::Signature), "{key}");
            bytes[at] ^= 1;
        }
        let (header, payload) = signed.split_once('.').expect("two parts");
        let other = format!(
            "{header}.{}.{signature}",
            payload.replacen('i', "j", 1).replacen('R', "S", 1)
        );
        assert_eq!(find(&jwt, &other).err(), Some(Denied::Signature), "{key}");
    }
}

#[test]
fn a_token_of_each_algorithm_names_somebody() {
    let random = SystemRandom::new();
    let ed = Ed25519KeyPair::generate_pkcs8(&random).expect("randomness");
    let ed = Ed25519KeyPair::from_pkcs8(ed.as_ref()).expect("a key");
    let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("randomness");
    let ec = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref(), &random).expect("a key");
    let point = ec.public_key().as_ref();
    let part = |range: std::ops::Range<usize>| BASE64.encode(&point[range]);
    let set = json!({"keys": [
        {"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": BASE64.encode(ed.public_key())},
        {"kty": "EC", "crv": "P-256", "kid": "b", "use": "sig", "x": part(1..33), "y": part(33..65)},
        {"kty": "oct", "kid": "c", "alg": "HS256", "k": BASE64.encode(SECRET)},
        // What others need of the set.
        {"kty": "EC", "crv": "P-521", "kid": "d"},
        {"kty": "RSA", "kid": "e", "alg": "RS512"},
        {"kty": "RSA", "kid": "f", "use": "enc"},
    ]});
    let jwt = jwt(&set.to_string());
    assert_eq!(jwt.count(), 3);
    let by_ed = |message: &[u8]| ed.sign(message).as_ref().to_vec();
    let by_ec = |message: &[u8]| ec.sign(&random, message).expect("randomness").as_ref().to_vec();
    for token in [
        token(&json!({"alg": "EdDSA", "kid": "a", "typ": "JWT"}), &claims(), by_ed),
        token(&json!({"alg": "EdDSA"}), &claims(), by_ed),
        token(&json!({"alg": "ES256", "kid": "b"}), &claims(), by_ec),
        hs256(&json!({"alg": "HS256", "kid": "c"}), &claims()),
    ] {
        let identity = find(&jwt, &token).expect(&token);
        assert_eq!(
            (&**identity.name(), identity.entitlement.name.as_str()),
            ("alice", "pro")
        );
        assert_eq!(identity.expires, Some(Ts(NOW.0 + 65_000_000_000)), "with the leeway");
    }
    for (header, denied) in [
        (json!({"alg": "EdDSA", "kid": "b"}), Denied::Key),
        (json!({"alg": "EdDSA", "kid": "z"}), Denied::Key),
        (json!({"alg": "ES256", "kid": "b"}), Denied::Signature),
        (json!({"alg": "EdDSA", "kid": "a", "crit": ["b64"]}), Denied::Malformed),
    ] {
        assert_eq!(
            find(&jwt, &token(&header, &claims(), by_ed)).err(),
            Some(denied),
            "{header}"
        );
    }
}

#[test]
fn the_algorithm_is_the_keys_and_not_the_tokens() {
    let none = |header: Value| token(&header, &claims(), |_| Vec::new());
    for alg in ["none", "None", "NONE", "", "HS384", "RS256", "hs256"] {
        assert_eq!(
            find(&shared(), &none(json!({"alg": alg}))).err(),
            Some(Denied::Key),
            "{alg}"
        );
    }
    // Whoever knows the public key signs with it, as if it were a secret.
    let jwt = jwt(RSA_KEY);
    let pem = pem(&rsa_info());
    for secret in [RSA_KEY.as_bytes(), pem.as_bytes(), &rsa_info()] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let forged = token(&json!({"alg": "HS256"}), &claims(), |m| {
            hmac::sign(&key, m).as_ref().to_vec()
        });
        assert_eq!(find(&jwt, &forged).err(), Some(Denied::Key));
        let forged = token(&json!({"alg": "RS256"}), &claims(), |m| {
            hmac::sign(&key, m).as_ref().to_vec()
        });
        assert_eq!(find(&jwt, &forged).err(), Some(Denied::Signature));
    }
}

#[test]
fn every_claim_is_checked() {
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        claims
    };
    let without = |name: &str| {
        let mut claims = claims();
        claims.as_object_mut().expect("an object").remove(name);
        claims
    };
    let header = json!({"alg": "HS256"});
    for good in [
        with("aud", json!(["other", "tickwire"])),
        with("nbf", json!(NOW_S + 5)),
        with("exp", json!(NOW_S as f64 - 4.5)),
        with("exp", json!(1e300)),
        with("iss", json!("anyone")),
    ] {
        assert!(find(&shared(), &hs256(&header, &good)).is_ok(), "{good}");
    }
    for (bad, denied) in [
        (with("exp", json!(NOW_S - 5)), Denied::Expired),
        (with("exp", json!(0)), Denied::Expired),
        (with("exp", json!("2099-01-01")), Denied::Malformed),
        (without("exp"), Denied::Malformed),
        (with("nbf", json!(NOW_S + 6)), Denied::Early),
        (with("nbf", json!("soon")), Denied::Malformed),
        (with("aud", json!("Tickwire")), Denied::Audience),
        (with("aud", json!([])), Denied::Audience),
        (without("aud"), Denied::Malformed),
        (with("sub", json!("")), Denied::Subject),
        (with("sub", json!("anonymous")), Denied::Subject),
        (with("sub", json!("a\nb")), Denied::Subject),
        (with("sub", json!("x".repeat(255))), Denied::Subject),
        (without("sub"), Denied::Malformed),
        (with("entitlement", json!("gold")), Denied::Entitlement),
        (without("entitlement"), Denied::Malformed),
        (json!([]), Denied::Malformed),
    ] {
        assert_eq!(find(&shared(), &hs256(&header, &bad)).err(), Some(denied), "{bad}");
    }
    let twice = r#"{"sub":"a","sub":"b","aud":"tickwire","exp":9e9,"entitlement":"pro"}"#;
    assert!(Claims::parse(twice.as_bytes()).is_err(), "which of the two is meant?");
    let strict = Jwt {
        issuer: Some("https://issuer.test".to_owned()),
        ..shared()
    };
    for (claims, denied) in [
        (claims(), Some(Denied::Issuer)),
        (with("iss", json!("https://issuer.test/")), Some(Denied::Issuer)),
        (with("iss", json!("https://issuer.test")), None),
    ] {
        assert_eq!(find(&strict, &hs256(&header, &claims)).err(), denied, "{claims}");
    }
}

#[test]
fn what_is_no_token_is_malformed() {
    let good = hs256(&json!({"alg": "HS256"}), &claims());
    assert!(Jwt::is_meant(&good) && !Jwt::is_meant("tickwire_x") && !Jwt::is_meant("a.b.c.d"));
    for text in ["", "..", "a.b", "a.b.c", &format!("{good}="), &format!(" {good}")] {
        assert_eq!(find(&shared(), text).err(), Some(Denied::Malformed), "{text}");
    }
}

/// `SubjectPublicKeyInfo` of [`RSA_KEY`].
fn rsa_info() -> Vec<u8> {
    let element = |tag: u8, content: &[u8]| {
        let length = (content.len() as u16).to_be_bytes();
        [&[tag, 0x82, length[0], length[1]], content].concat()
    };
    let key: Value = serde_json::from_str(RSA_KEY).expect("JSON");
    let number = |name: &str| {
        let bytes = BASE64.decode(key[name].as_str().expect("text")).expect("base64");
        element(0x02, &[&[0], bytes.as_slice()].concat())
    };
    let numbers = element(0x30, &[number("n"), number("e")].concat());
    let kind = [
        0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 5, 0,
    ];
    let bits = element(0x03, &[&[0], numbers.as_slice()].concat());
    element(0x30, &[kind.as_slice(), &bits].concat())
}

fn pem(info: &[u8]) -> String {
    format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(info)
    )
}

#[test]
fn public_keys_are_read_in_pem_too() {
    let part = |vector: usize, name: &str| {
        let key: Value = serde_json::from_str(VECTORS[vector].0).expect("JSON");
        BASE64.decode(key[name].as_str().expect("text")).expect("base64")
    };
    let ec = [
        &[
            0x30, 0x59, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1,
            7,
        ],
        &[3, 0x42, 0, 4][..],
        &part(2, "x"),
        &part(2, "y"),
    ];
    let ed = [
        &[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0][..],
        &part(3, "x"),
    ]
    .concat();
    let infos = [rsa_info(), ec.concat(), ed];
    let jwt = jwt(&infos.each_ref().map(|info| pem(info)).concat());
    for (_, signed, signature) in &VECTORS[1..] {
        assert_eq!(
            find(&jwt, &format!("{signed}.{signature}")).err(),
            Some(Denied::Malformed)
        );
    }
    for info in &infos {
        for cut in 0..info.len() {
            assert!(spki::key(&info[..cut]).is_err(), "cut at {cut}");
        }
        assert!(spki::key(&[info.as_slice(), &[0]].concat()).is_err());
    }
}

#[test]
fn a_file_that_holds_no_keys_is_refused_with_what_is_allowed() {
    let private = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let short = json!({"kty": "oct", "k": "AAAA"}).to_string();
    let small = json!({"kty": "RSA", "n": BASE64.encode([255; 128]), "e": "AQAB"}).to_string();
    let many = json!({"keys": vec![json!({"kty": "oct", "k": BASE64.encode(SECRET)}); 33]}).to_string();
    for (text, is_secret, part) in [
        ("", false, "keys in JSON"),
        ("hello", false, "`.secret`"),
        (private, false, "no key for EdDSA"),
        (private, true, "holds no secret"),
        (RSA_KEY, true, "holds no secret"),
        ("0123456789012345678901234567890\n", true, "32 bytes or more, not 31"),
        ("{\"keys\": []}", false, "no key for EdDSA"),
        ("{\"keys\": 1}", false, "no key in JSON"),
        (
            r#"{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "AAAA"}"#,
            false,
            "key `a`: a key for Ed25519 has 32",
        ),
        (r#"{"kty": "OKP", "crv": "Ed25519"}"#, false, "key 1: `x` is missing"),
        (
            r#"{"kty": "OKP", "crv": "Ed25519", "x": "=="}"#,
            false,
            "base64url without padding",
        ),
        (
            r#"{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}"#,
            false,
            "4 and 64 bytes",
        ),
        (&short, false, "32 bytes or more, not 3"),
        (&small, false, "2048 to 8192 bits, not 1024"),
        (&many, false, "33 keys are more than the 32"),
    ] {
        let why = file::keys(text.as_bytes(), is_secret).expect_err(text);
        assert!(why.contains(part), "{text}: {why}");
    }
    let exact = [SECRET, b"\r\n"].concat();
    let keys = file::keys(&exact, true).expect("a secret");
    let jwt = Jwt { keys, ..shared() };
    assert!(find(&jwt, &hs256(&json!({"alg": "HS256"}), &claims())).is_ok());
}
