//! Signatures of JSON Web Tokens (RFC 7515, 7517, 7518, 8037), checked with `ring`.
//!
//! Accepted are the asymmetric algorithms only. The algorithm that the token names must be one that
//! its key is for: a token cannot choose a weaker check than the key allows.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::OidcError;

/// A token may have so many bytes; more is no ID token.
const LONGEST: usize = 64 << 10;

/// One key of a provider (RFC 7517). Fields that a kind of key does not have are empty.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Key {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default, rename = "use")]
    purpose: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    crv: String,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
    #[serde(default)]
    x: String,
    #[serde(default)]
    y: String,
}

/// The keys of a provider. Keys of a form we do not know are left out, as RFC 7517 section 5 says.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeySet(Vec<Key>);

impl KeySet {
    /// Reads the JSON of a key set.
    pub(crate) fn parse(json: &Value) -> Option<Self> {
        let keys = json.get("keys")?.as_array()?;
        let known = keys.iter().filter_map(|key| serde_json::from_value(key.clone()).ok());
        Some(Self(known.collect()))
    }

    /// Whether it could hold the key of this token.
    pub(crate) fn has_key_for(&self, token: &Token<'_>) -> bool {
        self.candidates(token).next().is_some()
    }

    fn candidates<'a>(&'a self, token: &'a Token<'_>) -> impl Iterator<Item = &'a Key> {
        let signs = |key: &&Key| key.purpose.as_deref().is_none_or(|purpose| purpose == "sig");
        let named = |key: &&Key| match &token.header.kid {
            Some(kid) => key.kid.as_ref() == Some(kid),
            None => true,
        };
        let fits = |key: &&Key| {
            key.alg.as_ref().is_none_or(|alg| *alg == token.header.alg)
                && key.algorithm(&token.header.alg).is_some()
        };
        self.0.iter().filter(signs).filter(named).filter(fits)
    }

    /// The payload of a token whose signature one of these keys made.
    pub(crate) fn verify(&self, token: &Token<'_>) -> Result<Vec<u8>, OidcError> {
        if self.candidates(token).any(|key| key.verifies(token)) {
            return Ok(token.payload.clone());
        }
        Err(forged("no key of the provider made its signature"))
    }
}

/// Whether the text has the form of a JSON Web Token (signed or encrypted): its first part is the
/// JSON of a header.
pub(crate) fn is_jwt(text: &str) -> bool {
    let header = text.split_once('.').and_then(|(header, _)| decode(header).ok());
    header.is_some_and(|json| serde_json::from_slice::<Map<String, Value>>(&json).is_ok())
}

#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    crit: Option<Value>,
}

/// A token taken apart, its signature not yet checked.
#[derive(Debug)]
pub(crate) struct Token<'a> {
    header: Header,
    signed: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Takes a token in the compact form apart.
    pub(crate) fn parse(text: &'a str) -> Result<Self, OidcError> {
        if text.len() > LONGEST {
            return Err(forged(format!("it has {} bytes", text.len())));
        }
        let (signed, signature) = text.rsplit_once('.').ok_or_else(|| forged("it is no token"))?;
        let (header, payload) = signed.split_once('.').ok_or_else(|| forged("it is no token"))?;
        let header: Header = serde_json::from_slice(&decode(header)?)
            .map_err(|error| forged(format!("its header is no JSON: {error}")))?;
        if algorithm_family(&header.alg).is_none() {
            return Err(forged(format!("its algorithm {:?} is not accepted", header.alg)));
        }
        // RFC 7515 section 4.1.11: what must be understood and is not makes the token invalid.
        if header.crit.is_some() {
            return Err(forged("it demands extensions that are not known"));
        }
        Ok(Self { header, signed, payload: decode(payload)?, signature: decode(signature)? })
    }
}

fn decode(part: &str) -> Result<Vec<u8>, OidcError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| forged("it is not in Base64"))
}

fn forged(reason: impl Into<String>) -> OidcError {
    OidcError::Forged { reason: reason.into() }
}

/// How a key checks a signature.
enum Algorithm {
    Rsa(&'static RsaParameters),
    Point(&'static dyn VerificationAlgorithm),
}

/// The key type that an accepted algorithm needs.
fn algorithm_family(alg: &str) -> Option<&'static str> {
    match alg {
        "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" => Some("RSA"),
        "ES256" | "ES384" => Some("EC"),
        "EdDSA" | "Ed25519" => Some("OKP"),
        _ => None,
    }
}

impl Key {
    /// How this key checks signatures of this algorithm; `None` if it is not for it.
    fn algorithm(&self, alg: &str) -> Option<Algorithm> {
        if algorithm_family(alg) != Some(&self.kty) {
            return None;
        }
        // ring refuses RSA keys of less than 2048 bits by these parameters.
        Some(match (alg, self.crv.as_str()) {
            ("RS256", _) => Algorithm::Rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
            ("RS384", _) => Algorithm::Rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
            ("RS512", _) => Algorithm::Rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
            ("PS256", _) => Algorithm::Rsa(&signature::RSA_PSS_2048_8192_SHA256),
            ("PS384", _) => Algorithm::Rsa(&signature::RSA_PSS_2048_8192_SHA384),
            ("PS512", _) => Algorithm::Rsa(&signature::RSA_PSS_2048_8192_SHA512),
            ("ES256", "P-256") => Algorithm::Point(&signature::ECDSA_P256_SHA256_FIXED),
            ("ES384", "P-384") => Algorithm::Point(&signature::ECDSA_P384_SHA384_FIXED),
            ("EdDSA" | "Ed25519", "Ed25519") => Algorithm::Point(&signature::ED25519),
            _ => return None,
        })
    }

    fn verifies(&self, token: &Token<'_>) -> bool {
        let message = token.signed.as_bytes();
        let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap_or_default();
        match self.algorithm(&token.header.alg) {
            None => false,
            Some(Algorithm::Rsa(parameters)) => {
                let key = RsaPublicKeyComponents { n: bytes(&self.n), e: bytes(&self.e) };
                key.verify(parameters, message, &token.signature).is_ok()
            }
            Some(Algorithm::Point(algorithm)) => {
                // Curves of NIST: an uncompressed point; Edwards: the one coordinate there is.
                let key = if self.kty == "EC" {
                    [vec![4], bytes(&self.x), bytes(&self.y)].concat()
                } else {
                    bytes(&self.x)
                };
                UnparsedPublicKey::new(algorithm, key).verify(message, &token.signature).is_ok()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key and the token of RFC 7515, appendix A.2 (RS256).
    const RFC_RSA: &str = r#"{"keys":[{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}]}"#;
    const RFC_RSA_TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    /// The key and the token of RFC 7515, appendix A.3 (ES256).
    const RFC_EC: &str = r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"},{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
    const RFC_EC_TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

    fn keys(json: &str) -> KeySet {
        KeySet::parse(&serde_json::from_str(json).unwrap()).unwrap()
    }

    fn with_header(header: &str, token: &str) -> String {
        let rest = token.split_once('.').unwrap().1;
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
    }

    #[test]
    fn the_examples_of_the_standard_verify_with_their_key_only() {
        for (own, other, text) in
            [(RFC_RSA, RFC_EC, RFC_RSA_TOKEN), (RFC_EC, RFC_RSA, RFC_EC_TOKEN)]
        {
            let token = Token::parse(text).unwrap();
            let payload = keys(own).verify(&token).unwrap();
            assert!(String::from_utf8(payload).unwrap().contains(r#""iss":"joe""#));
            assert!(keys(other).verify(&token).is_err());
            assert!(!keys(other).has_key_for(&token));
        }
    }

    #[test]
    fn a_changed_token_does_not_verify() {
        let payload = URL_SAFE_NO_PAD.encode(r#"{"iss":"eve"}"#);
        let parts: Vec<_> = RFC_RSA_TOKEN.split('.').collect();
        let changed = format!("{}.{payload}.{}", parts[0], parts[2]);
        assert!(keys(RFC_RSA).verify(&Token::parse(&changed).unwrap()).is_err());
        let unsigned = format!("{}.{}.", parts[0], parts[1]);
        assert!(keys(RFC_RSA).verify(&Token::parse(&unsigned).unwrap()).is_err());
    }

    #[test]
    fn unsigned_and_symmetric_tokens_and_unknown_demands_are_refused_before_any_key_is_tried() {
        for header in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"HS256"}"#,
            r#"{"alg":"RS1"}"#,
            r#"{"alg":"RS256","crit":["exp"]}"#,
            r#"{"kid":"1"}"#,
            "not JSON",
        ] {
            let error = Token::parse(&with_header(header, RFC_RSA_TOKEN)).unwrap_err().to_string();
            assert!(error.contains("not genuine"), "{header}: {error}");
        }
        let long = "a".repeat(LONGEST + 1);
        for text in ["", "a", "a.b", "a.b.c.d", "ä.ö.ü", long.as_str()] {
            assert!(Token::parse(text).is_err(), "{}", &text[..text.len().min(9)]);
        }
    }

    #[test]
    fn a_key_for_another_use_algorithm_or_name_is_not_used() {
        let token = Token::parse(RFC_RSA_TOKEN).unwrap();
        for field in [r#""use":"enc""#, r#""alg":"PS256""#] {
            let other = RFC_RSA.replace(r#""e":"AQAB""#, &format!(r#""e":"AQAB",{field}"#));
            assert!(keys(&other).verify(&token).is_err(), "{field}");
        }
        let text = with_header(r#"{"alg":"RS256","kid":"new"}"#, RFC_RSA_TOKEN);
        assert!(!keys(RFC_RSA).has_key_for(&Token::parse(&text).unwrap()));
    }
}
