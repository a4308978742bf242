//! How the generated code is made: protox reads the files, prost and tonic write the code.

use std::path::Path;

use prost::Message;

/// Writes the code of every `.proto` file, and their descriptors, into a folder.
pub(crate) fn generate(to: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = ["event", "scoring", "journeys", "decisions", "accounts"]
        .map(|name| root.join(format!("percorso/v1/{name}.proto")));
    let descriptors = protox::compile(files, [root]).expect("the .proto files are valid");
    std::fs::create_dir_all(to).expect("the folder can be made");
    std::fs::write(to.join("descriptors.bin"), descriptors.encode_to_vec()).expect("the folder can be written");
    tonic_prost_build::configure()
        .out_dir(to)
        .compile_fds(descriptors)
        .expect("valid descriptors generate code");
}
