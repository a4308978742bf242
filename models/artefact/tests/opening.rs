//! What a reader of a model file can rely on: what was sealed is what opens, and anything else is refused.
#![allow(missing_docs, clippy::unwrap_used)]

use percorso_artefact::{Artefact, Definition, Error, Header, Sealer, TrainingWindow};
use proptest::prelude::*;

fn header() -> Header {
    Header {
        kind: "churn".into(),
        feature_fingerprint: "f00d".into(),
        feature_names: vec!["recency_days".into(), "visite «à pied»".into()],
        spec_digest: "beef".into(),
        training_window: TrainingWindow {
            from_us: -5,
            to_us: 1_700_000_000_000_000,
        },
        definitions: vec![Definition {
            name: "leaves".into(),
            horizon_days: 90,
            kind: "event".into(),
        }],
        seed: u64::MAX,
        code_revision: "r1".into(),
        data_digest: "d".into(),
        evaluation: serde_json::json!({"auc": 0.8125, "log_loss": 0.1, "z": 1, "a": [null, true]}),
        body: serde_json::json!({"heads": ["leaves"]}),
        ..Header::default()
    }
}

fn sealer() -> Sealer {
    let mut sealer = Sealer::new();
    sealer
        .put("a/f64", &[2, 2], &[0.1f64, -0.0, f64::MIN_POSITIVE, 1e300])
        .unwrap();
    sealer.put_vector("a/f32", &[1.5f32, -2.5, 3.25]).unwrap();
    sealer.put_vector("a/u64", &[u64::MAX]).unwrap();
    sealer.put_vector("a/u32", &[1u32, 2, 3]).unwrap();
    sealer.put_vector("a/i64", &[i64::MIN]).unwrap();
    sealer.put_vector("a/i32", &[-1i32]).unwrap();
    sealer.put_text("a/name", "linear").unwrap();
    sealer.put_scalar("a/one", 7u32).unwrap();
    sealer.put_vector::<f64>("a/none", &[]).unwrap();
    sealer
}

#[test]
fn what_was_sealed_is_what_opens() {
    let bytes = sealer().seal(&header()).unwrap();
    let artefact = Artefact::open(&bytes).unwrap();
    assert_eq!(artefact.header(), &header());
    let values = artefact.array::<f64>("a/f64", &[2, 2]).unwrap();
    let bits: Vec<u64> = values.iter().map(|value| value.to_bits()).collect();
    assert_eq!(bits, [0.1f64, -0.0, f64::MIN_POSITIVE, 1e300].map(f64::to_bits));
    assert_eq!(artefact.matrix::<f64>("a/f64").unwrap().0, 2);
    assert_eq!(artefact.vector::<f32>("a/f32").unwrap(), [1.5, -2.5, 3.25]);
    assert_eq!(artefact.vector::<u64>("a/u64").unwrap(), [u64::MAX]);
    assert_eq!(artefact.vector::<u32>("a/u32").unwrap(), [1, 2, 3]);
    assert_eq!(artefact.vector::<i64>("a/i64").unwrap(), [i64::MIN]);
    assert_eq!(artefact.vector::<i32>("a/i32").unwrap(), [-1]);
    assert_eq!(artefact.text("a/name").unwrap(), "linear");
    assert_eq!(artefact.scalar::<u32>("a/one").unwrap(), 7);
    assert!(artefact.vector::<f64>("a/none").unwrap().is_empty());
    assert_eq!(artefact.names().count(), 9);
}

#[test]
fn the_order_of_putting_does_not_change_a_byte() {
    let seal = |names: [&str; 2]| {
        let mut sealer = Sealer::new();
        for name in names {
            sealer.put_vector(name, &[1u32]).unwrap();
        }
        sealer.seal(&header()).unwrap()
    };
    assert_eq!(seal(["a", "b"]), seal(["b", "a"]));
}

#[test]
fn every_flipped_byte_is_refused() {
    let bytes = sealer().seal(&header()).unwrap();
    for position in 0..bytes.len() {
        for mask in [0x01, 0x20, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[position] ^= mask;
            assert!(Artefact::open(&damaged).is_err(), "byte {position} with mask {mask:#x}");
        }
    }
}

#[test]
fn every_truncation_and_any_appended_byte_is_refused() {
    let bytes = sealer().seal(&header()).unwrap();
    for length in 0..bytes.len() {
        assert!(Artefact::open(&bytes[..length]).is_err(), "{length} bytes");
    }
    let longer = [bytes, vec![0]].concat();
    assert!(matches!(Artefact::open(&longer), Err(Error::Digest { .. })));
}

proptest! {
    #[test]
    fn noise_is_refused_without_a_panic(noise in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Artefact::open(&noise).is_err());
    }
}

#[test]
fn a_length_field_that_lies_is_refused_before_anything_is_reserved() {
    let mut bytes = sealer().seal(&header()).unwrap();
    bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(matches!(Artefact::open(&bytes), Err(Error::TooLarge { .. })));
}

#[test]
fn a_name_is_put_once() {
    let mut sealer = sealer();
    assert!(matches!(
        sealer.put_scalar("a/one", 1u32),
        Err(Error::DuplicateArray { .. })
    ));
}

#[test]
fn names_outside_the_format_are_refused() {
    for name in ["", "A", "a b", "__Metadata__", "é", &"a".repeat(201)] {
        assert!(
            matches!(Sealer::new().put_scalar(name, 1u32), Err(Error::ArrayName { .. })),
            "{name}"
        );
    }
}

#[test]
fn nan_and_infinity_are_never_stored() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = Sealer::new().put_vector("x", &[0.0, value]).unwrap_err();
        assert!(matches!(error, Error::NotFinite { position: 1, .. }), "{error}");
    }
    assert!(Sealer::new().put_scalar("x", f32::NAN).is_err());
}

#[test]
fn a_shape_that_does_not_hold_its_values_is_refused() {
    assert!(Sealer::new().put("x", &[2, 2], &[1u32]).is_err());
    assert!(Sealer::new().put("x", &[usize::MAX, 2], &[1u32]).is_err());
}

#[test]
fn a_reader_that_wants_something_else_is_told_what_was_found() {
    let artefact = Artefact::open(&sealer().seal(&header()).unwrap()).unwrap();
    let message = |error: Error| error.to_string();
    assert_eq!(
        message(artefact.vector::<f64>("b").unwrap_err()),
        "array `b` is missing"
    );
    assert_eq!(
        message(artefact.vector::<f64>("a/f32").unwrap_err()),
        "array `a/f32` has elements of type f32, expected f64"
    );
    assert_eq!(
        message(artefact.array::<f64>("a/f64", &[4]).unwrap_err()),
        "array `a/f64` has shape [2, 2], expected [4]"
    );
    assert!(artefact.vector::<f64>("a/f64").is_err());
    assert!(artefact.matrix::<u32>("a/u32").is_err());
    assert!(artefact.scalar::<u32>("a/u32").is_err());
}

#[test]
fn a_header_over_the_limit_is_refused_at_sealing() {
    let header = Header {
        body: serde_json::json!("x".repeat(1 << 20)),
        ..header()
    };
    assert!(matches!(Sealer::new().seal(&header), Err(Error::TooLarge { .. })));
}

#[test]
fn too_many_arrays_are_refused_at_sealing() {
    let mut sealer = Sealer::new();
    for array in 0..=percorso_artefact::MAX_ARRAYS {
        sealer.put_vector::<u8>(&format!("a{array}"), &[]).unwrap();
    }
    assert!(matches!(sealer.seal(&header()), Err(Error::TooLarge { .. })));
}

/// Rewrites the header text of a sealed file and seals it again with a right digest, as a later writer would.
fn with_header_text(from: &str, to: &str) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let mut bytes = Sealer::new().seal(&header()).unwrap();
    let index = String::from_utf8(bytes[8..].to_vec()).unwrap();
    let index = index.replacen(from, to, 1);
    assert!(index.contains(to));
    bytes = [&(index.len() as u64).to_le_bytes(), index.as_bytes()].concat();
    let at = 8 + r#"{"__metadata__":{"percorso":"{\"digest\":\""#.len();
    bytes[at..at + 64].fill(b'0');
    let digest: String = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    bytes[at..at + 64].copy_from_slice(digest.as_bytes());
    bytes
}

#[test]
fn a_newer_format_is_named_as_such() {
    let bytes = with_header_text(r#"\"format\":1,"#, r#"\"format\":2,\"new\":0,"#);
    let error = Artefact::open(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "artefact format 2, expected 1");
}

#[test]
fn an_unknown_header_key_is_refused() {
    let bytes = with_header_text(r#"\"format\":1,"#, r#"\"format\":1,\"new\":0,"#);
    assert!(matches!(Artefact::open(&bytes), Err(Error::HeaderJson(_))));
    let unchanged = with_header_text(r#"\"format\":1,"#, r#"\"format\":1,"#);
    assert!(Artefact::open(&unchanged).is_ok());
}

#[test]
fn a_file_of_format_1_opens_for_ever() {
    let bytes = include_bytes!("../fixtures/v1.safetensors");
    let artefact = Artefact::open(bytes).unwrap();
    assert_eq!(artefact.header(), &header());
    assert_eq!(artefact.array::<f64>("a/f64", &[2, 2]).unwrap()[0], 0.1);
    assert_eq!(artefact.vector::<i64>("a/i64").unwrap(), [i64::MIN]);
    assert_eq!(artefact.text("a/name").unwrap(), "linear");
    assert_eq!(artefact.names().count(), 9);
}

#[test]
#[ignore = "writes the fixture of a new format version, once"]
fn write_the_fixture() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/v1.safetensors");
    assert!(!std::path::Path::new(path).exists(), "a fixture is written once");
    std::fs::write(path, sealer().seal(&header()).unwrap()).unwrap();
}
