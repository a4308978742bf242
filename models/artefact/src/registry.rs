//! The folder that holds a model's versions and says which one serves.
//!
//! Nothing is ever half there: a version exists when its manifest, written last, exists, and the labels are one file
//! that is replaced whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::digest::sha256_hex;
use crate::policy_log::{self, PolicyChange};
use crate::{Artefact, Error, Label, Labels, Manifest, Result, VersionId};

/// A folder of model versions on a local disk.
///
/// Several processes may use one folder: changes take turns by a lock on the file `lock`.
#[derive(Debug, Clone)]
pub struct Registry {
    dir: PathBuf,
}

impl Registry {
    /// The registry in the folder `dir`, which the first [`Registry::publish`] makes. Touches no disk.
    pub fn at(dir: impl Into<PathBuf>) -> Registry {
        Registry { dir: dir.into() }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Keeps a model file as a new version and returns its id; no label moves.
    ///
    /// When it fails, the version does not exist.
    ///
    /// # Errors
    /// - the bytes do not open as an artefact
    /// - the disk refuses
    pub fn publish(&self, bytes: &[u8]) -> Result<VersionId> {
        let artefact = Artefact::open(bytes)?;
        let _lock = self.lock()?;
        let number = self.last_number()? + 1;
        let id = VersionId::new(number, artefact.digest());
        let manifest = Manifest {
            id: id.clone(),
            kind: artefact.header().kind.clone(),
            size_bytes: bytes.len() as u64,
            sha256: sha256_hex(&[bytes]),
        };
        let folder = self.folder(&id);
        let kept = self.write_version(&folder, bytes, &manifest);
        if kept.is_err() {
            // What was begun is taken away if the disk allows; if not, it has no manifest and so is no version.
            let _ = fs::remove_dir_all(&folder);
        }
        kept.map(|()| id)
    }

    /// The manifests of all versions, oldest first; none when nothing was published.
    ///
    /// # Errors
    /// - the folder or a manifest cannot be read
    pub fn list(&self) -> Result<Vec<Manifest>> {
        let mut manifests = Vec::new();
        for name in self.version_folders()? {
            let Ok(id) = name.parse::<VersionId>() else {
                continue;
            };
            if self.manifest_path(&id).exists() {
                manifests.push(self.manifest(&id)?);
            }
        }
        manifests.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(manifests)
    }

    /// Reads a version, or refuses it whole.
    ///
    /// # Errors
    /// - the version does not exist
    /// - its file is not of the size or SHA-256 in its manifest, or does not open as an artefact
    pub fn open(&self, id: &VersionId) -> Result<Artefact> {
        let manifest = self.manifest(id)?;
        let path = self.model_path(id);
        let size_bytes = fs::metadata(&path).map_err(io_error("read", &path))?.len();
        let differs = |what, expected: String, found: String| {
            Err(Error::Manifest {
                path: path.clone(),
                what,
                expected,
                found,
            })
        };
        // The size is compared before anything is read, so that a wrong file cannot fill the memory.
        if size_bytes != manifest.size_bytes {
            return differs("size in bytes", manifest.size_bytes.to_string(), size_bytes.to_string());
        }
        let bytes = fs::read(&path).map_err(io_error("read", &path))?;
        let sha256 = sha256_hex(&[&bytes]);
        if sha256 != manifest.sha256 {
            return differs("SHA-256", manifest.sha256, sha256);
        }
        Artefact::open(&bytes)
    }

    /// The labels; all empty when none was ever given.
    ///
    /// # Errors
    /// - the labels' file exists and cannot be read
    pub fn labels(&self) -> Result<Labels> {
        let path = self.labels_path();
        Ok(read_json(&path, "labels")?.unwrap_or_default())
    }

    /// Gives a label to a version that opens.
    ///
    /// # Errors
    /// - the version does not exist or does not open; the labels stay
    /// - the disk refuses; the labels stay
    pub fn promote(&self, id: &VersionId, label: Label) -> Result<()> {
        let _lock = self.lock()?;
        self.open(id)?;
        let mut labels = self.labels()?;
        labels.set(label, id);
        self.write_labels(&labels)
    }

    /// Makes a version that opens the policy, and keeps what was known of it; the line is safe on disk before the label moves.
    ///
    /// # Errors
    /// - the version does not exist or does not open; nothing is kept and the label stays
    /// - the disk refuses; the label stays
    pub fn promote_policy(&self, change: &PolicyChange) -> Result<()> {
        let _lock = self.lock()?;
        self.open(&change.version)?;
        let mut labels = self.labels()?;
        labels.set(Label::Policy, &change.version);
        policy_log::append(&self.policy_log_path(), change)?;
        self.write_labels(&labels)
    }

    /// Makes the policy before the present one the policy again, and returns it; `at` is when, RFC 3339.
    ///
    /// # Errors
    /// - there was no earlier policy, or it does not open; nothing is kept and the label stays
    /// - the disk refuses; the label stays
    pub fn rollback_policy(&self, at: &str) -> Result<VersionId> {
        let _lock = self.lock()?;
        let mut labels = self.labels()?;
        let id = labels.past_policies.pop().ok_or_else(|| Error::NothingToRollBack {
            label: Label::Policy,
            registry: self.dir.clone(),
        })?;
        self.open(&id)?;
        labels.policy = Some(id.clone());
        policy_log::append(&self.policy_log_path(), &PolicyChange::rolled_back(&id, at))?;
        self.write_labels(&labels)?;
        Ok(id)
    }

    /// Every change of the policy, oldest first; none when there was none.
    ///
    /// # Errors
    /// - the file cannot be read
    pub fn policy_log(&self) -> Result<Vec<PolicyChange>> {
        policy_log::read(&self.policy_log_path())
    }

    /// Makes the champion before the present one champion again, and returns it.
    ///
    /// # Errors
    /// - there was no earlier champion, or it does not open; the labels stay
    /// - the disk refuses; the labels stay
    pub fn rollback(&self) -> Result<VersionId> {
        let _lock = self.lock()?;
        let mut labels = self.labels()?;
        let id = labels.past_champions.pop().ok_or_else(|| Error::NothingToRollBack {
            label: Label::Champion,
            registry: self.dir.clone(),
        })?;
        self.open(&id)?;
        labels.champion = Some(id.clone());
        self.write_labels(&labels)?;
        Ok(id)
    }

    /// The version that a label, an id or an id's number alone names: `champion`, `000003-9f2c41d0`, `000003`, `3`.
    ///
    /// # Errors
    /// - the text is none of these
    /// - no version carries the label, or there is no such version
    pub fn resolve(&self, name: &str) -> Result<VersionId> {
        if let Ok(label) = name.parse::<Label>() {
            return self.labels()?.get(label).cloned().ok_or_else(|| Error::NoSuchLabel {
                label: label.to_string(),
                registry: self.dir.clone(),
            });
        }
        if let Ok(number) = name.parse::<u64>()
            && let Some(manifest) = self.list()?.into_iter().find(|manifest| manifest.id.number() == number)
        {
            return Ok(manifest.id);
        }
        Ok(self.manifest(&name.parse()?)?.id)
    }

    fn write_version(&self, folder: &Path, bytes: &[u8], manifest: &Manifest) -> Result<()> {
        fs::create_dir(folder).map_err(io_error("make folder", folder))?;
        write_synced(&folder.join("model.safetensors"), bytes)?;
        sync_folder(&self.dir.join("versions"))?;
        replace_json(&folder.join("manifest.json"), manifest, "manifest")
    }

    fn write_labels(&self, labels: &Labels) -> Result<()> {
        replace_json(&self.labels_path(), labels, "labels")
    }

    /// Makes the folders and waits for this process's turn; the turn ends when the file is dropped.
    fn lock(&self) -> Result<File> {
        let versions = self.dir.join("versions");
        fs::create_dir_all(&versions).map_err(io_error("make folder", &versions))?;
        let path = self.dir.join("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(io_error("open", &path))?;
        file.lock().map_err(io_error("lock", &path))?;
        Ok(file)
    }

    /// The highest number of any folder, version or not: a number that a crash left behind is not used again.
    fn last_number(&self) -> Result<u64> {
        let folders = self.version_folders()?;
        let ids = folders.iter().filter_map(|name| name.parse::<VersionId>().ok());
        Ok(ids.map(|id| id.number()).max().unwrap_or(0))
    }

    fn version_folders(&self) -> Result<Vec<String>> {
        let path = self.dir.join("versions");
        let entries = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(io_error("read folder", &path))?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(io_error("read folder", &path))?;
            names.extend(entry.file_name().into_string().ok());
        }
        Ok(names)
    }

    fn manifest(&self, id: &VersionId) -> Result<Manifest> {
        read_json(&self.manifest_path(id), "manifest")?.ok_or_else(|| Error::NoSuchVersion {
            id: id.to_string(),
            registry: self.dir.clone(),
        })
    }

    fn folder(&self, id: &VersionId) -> PathBuf {
        self.dir.join("versions").join(id.to_string())
    }

    fn model_path(&self, id: &VersionId) -> PathBuf {
        self.folder(id).join("model.safetensors")
    }

    fn manifest_path(&self, id: &VersionId) -> PathBuf {
        self.folder(id).join("manifest.json")
    }

    fn labels_path(&self) -> PathBuf {
        self.dir.join("labels.json")
    }

    fn policy_log_path(&self) -> PathBuf {
        self.dir.join("policy.jsonl")
    }
}

pub(crate) fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { what, path, source }
}

/// The JSON in a file; nothing when there is no file.
fn read_json<T: DeserializeOwned>(path: &Path, what: &'static str) -> Result<Option<T>> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(io_error("read", path))?,
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|source| Error::RegistryJson {
            path: path.to_owned(),
            what,
            source,
        })
}

/// Puts JSON in place of a file, whole or not at all: temporary neighbour, sync, rename, sync of the folder.
fn replace_json<T: Serialize>(path: &Path, value: &T, what: &'static str) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|source| Error::RegistryJson {
        path: path.to_owned(),
        what,
        source,
    })?;
    text.push(b'\n');
    let temporary = path.with_extension("json.new");
    write_synced(&temporary, &text)?;
    fs::rename(&temporary, path).map_err(io_error("replace", path))?;
    sync_folder(path.parent().expect("registry files are inside the registry"))
}

fn write_synced(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = File::create(path).map_err(io_error("create", path))?;
    file.write_all(bytes).map_err(io_error("write", path))?;
    file.sync_all().map_err(io_error("sync", path))
}

/// Makes names in a folder as durable as the files; a system whose folders cannot be opened needs nothing.
pub(crate) fn sync_folder(path: &Path) -> Result<()> {
    if cfg!(unix) {
        let folder = File::open(path).map_err(io_error("open folder", path))?;
        folder.sync_all().map_err(io_error("sync folder", path))?;
    }
    Ok(())
}
