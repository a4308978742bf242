//! A matrix in files: `train_x.f32` and `test_x.f32` (row-major, little-endian), `train_y.u32` and `test_y.u32`, and
//! `columns.txt` with a line for each column: its name, a tab, and `number` or `category` and the number of codes.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ndarray::Array2;
use percorso_learners::Column;

pub(crate) struct Matrix {
    pub(crate) x: Array2<f32>,
    pub(crate) y: Vec<u32>,
}

impl Matrix {
    pub(crate) fn read(folder: &Path, part: &str) -> Matrix {
        let y = words(&folder.join(format!("{part}_y.u32")), u32::from_le_bytes);
        let x = words(&folder.join(format!("{part}_x.f32")), f32::from_le_bytes);
        let shape = (y.len(), x.len() / y.len());
        Matrix {
            x: Array2::from_shape_vec(shape, x).unwrap(),
            y,
        }
    }
}

/// Words straight into their vector: a file's bytes beside them would set the peak of the memory.
fn words<T>(path: &Path, of: impl Fn([u8; 4]) -> T) -> Vec<T> {
    let mut file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let n_words = file.metadata().unwrap().len() as usize / 4;
    let mut words = Vec::with_capacity(n_words);
    let mut bytes = [0; 1 << 16];
    while words.len() < n_words {
        let n_bytes = bytes.len().min(4 * (n_words - words.len()));
        file.read_exact(&mut bytes[..n_bytes]).unwrap();
        words.extend(
            bytes[..n_bytes]
                .chunks_exact(4)
                .map(|word| of(word.try_into().unwrap())),
        );
    }
    words
}

pub(crate) fn columns(folder: &Path) -> Vec<Column> {
    let path = folder.join("columns.txt");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let column = |(place, line): (usize, &str)| {
        let (name, kind) = line.rsplit_once('\t').unwrap_or_default();
        match kind.split_once(' ') {
            None if kind == "number" => Column::number(name),
            Some(("category", cardinality)) => Column::category(name, cardinality.parse().unwrap()),
            _ => panic!(
                "{}, line {}: `{line}`, expected a name, a tab, and `number` or `category N`",
                path.display(),
                place + 1
            ),
        }
    };
    text.lines().enumerate().map(column).collect()
}
