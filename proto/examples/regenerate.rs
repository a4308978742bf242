//! Writes the generated code anew from the `.proto` files.

#[path = "../tests/generate/mod.rs"]
mod generate;

fn main() {
    let to = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/generated");
    generate::generate(&to);
}
