//! Running the binary, and one small market that the stories share.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

/// The binary under test with these arguments.
pub(crate) fn percorso(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_percorso"))
        .args(arguments)
        .output()
        .expect("the binary starts")
}

/// What the binary printed; it must have ended well.
pub(crate) fn printed(arguments: &[&str]) -> String {
    let output = percorso(arguments);
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "percorso {arguments:?} failed\n{out}\n{err}");
    out.into_owned()
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}

/// A market of 500 customers gone through `demo` once, for all stories that only read it.
pub(crate) struct Market {
    folder: TempDir,
    /// What `demo` printed.
    pub(crate) printed: String,
}

impl Market {
    pub(crate) fn shared() -> &'static Market {
        static MARKET: OnceLock<Market> = OnceLock::new();
        MARKET.get_or_init(|| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let dir = text(folder.path()).to_owned();
            let printed = printed(&["demo", "--customers", "500", "--seed", "7", "--no-serve", "--dir", &dir]);
            Market { folder, printed }
        })
    }

    pub(crate) fn run(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    pub(crate) fn market(&self) -> PathBuf {
        self.folder.path().join("market")
    }
}

/// A served run; stopped when dropped.
pub(crate) struct Served {
    child: Child,
    /// Where it listens.
    pub(crate) address: String,
}

impl Served {
    pub(crate) fn start(run: &Path) -> Served {
        Served::with(run, &[])
    }

    pub(crate) fn with(run: &Path, more: &[&str]) -> Served {
        let mut child = Command::new(env!("CARGO_BIN_EXE_percorso"))
            .args(["serve", "--run", text(run), "--listen", "127.0.0.1:0"])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut line)
            .expect("it says where it listens");
        let address = line
            .trim()
            .strip_prefix("listening on ")
            .expect("it says where it listens")
            .to_owned();
        Served { child, address }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().expect("we started it");
        self.child.wait().expect("we started it");
    }
}

/// Copies a folder and all in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder can be made");
    for entry in std::fs::read_dir(from).expect("a folder to copy") {
        let entry = entry.expect("a folder to copy");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("a file can be copied");
        }
    }
}

/// Every file below a folder, with its bytes, by relative path.
pub(crate) fn files(folder: &Path) -> std::collections::BTreeMap<PathBuf, Vec<u8>> {
    fn gather(folder: &Path, root: &Path, found: &mut std::collections::BTreeMap<PathBuf, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).expect("a folder to read") {
            let path = entry.expect("a folder to read").path();
            if path.is_dir() {
                gather(&path, root, found);
            } else {
                let name = path.strip_prefix(root).expect("below the root").to_owned();
                found.insert(name, std::fs::read(&path).expect("a file to read"));
            }
        }
    }
    let mut found = std::collections::BTreeMap::new();
    gather(folder, folder, &mut found);
    found
}
