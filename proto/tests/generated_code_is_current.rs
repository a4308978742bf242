//! The committed code is what the `.proto` files say.

mod generate;

#[test]
fn regenerating_changes_nothing() {
    let fresh = tempfile::tempdir().expect("a temporary folder");
    generate::generate(fresh.path());
    for name in ["percorso.v1.rs", "descriptors.bin"] {
        let read = |folder: &std::path::Path| std::fs::read(folder.join(name)).expect("generated");
        let committed = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/generated");
        assert!(
            read(fresh.path()) == read(&committed),
            "{name} differs from its .proto files; run `cargo run -p percorso-proto --example regenerate`"
        );
    }
}
