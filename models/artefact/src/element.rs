//! What an array may hold: seven plain number types, stored little-endian.

use safetensors::Dtype;

/// A number type that arrays are made of: `f64`, `f32`, `u64`, `u32`, `i64`, `i32` or `u8`.
///
/// Sealed: the format has no others.
pub trait Element: Copy + private::Sealed {}

pub(crate) mod private {
    use super::Dtype;

    /// The values of one array, read from the file.
    #[derive(Debug, Clone, PartialEq)]
    pub enum Values {
        F64(Vec<f64>),
        F32(Vec<f32>),
        U64(Vec<u64>),
        U32(Vec<u32>),
        I64(Vec<i64>),
        I32(Vec<i32>),
        U8(Vec<u8>),
    }

    /// What the container needs to know of an element type.
    pub trait Sealed: Sized {
        /// The type as safetensors names it.
        const DTYPE: Dtype;
        /// The type as messages name it.
        const NAME: &'static str;
        /// Appends the value's little-endian bytes.
        fn write(self, bytes: &mut Vec<u8>);
        /// Returns the first value that is NaN or infinite, with its position.
        fn not_finite(values: &[Self]) -> Option<(usize, f64)>;
        /// Returns the values when they are of this type.
        fn slice(values: &Values) -> Option<&[Self]>;
    }
}

pub(crate) use private::Values;

impl Values {
    /// The values in little-endian bytes of the given type; nothing when the format does not use the type.
    pub(crate) fn read(dtype: Dtype, bytes: &[u8]) -> Option<Values> {
        match dtype {
            Dtype::F64 => Some(Values::F64(chunks(bytes, f64::from_le_bytes))),
            Dtype::F32 => Some(Values::F32(chunks(bytes, f32::from_le_bytes))),
            Dtype::U64 => Some(Values::U64(chunks(bytes, u64::from_le_bytes))),
            Dtype::U32 => Some(Values::U32(chunks(bytes, u32::from_le_bytes))),
            Dtype::I64 => Some(Values::I64(chunks(bytes, i64::from_le_bytes))),
            Dtype::I32 => Some(Values::I32(chunks(bytes, i32::from_le_bytes))),
            Dtype::U8 => Some(Values::U8(bytes.to_vec())),
            // safetensors may grow types; ours stay these seven.
            _ => None,
        }
    }

    /// The name of the type held.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Values::F64(_) => "f64",
            Values::F32(_) => "f32",
            Values::U64(_) => "u64",
            Values::U32(_) => "u32",
            Values::I64(_) => "i64",
            Values::I32(_) => "i32",
            Values::U8(_) => "u8",
        }
    }

    /// The first value that is NaN or infinite, with its position.
    pub(crate) fn not_finite(&self) -> Option<(usize, f64)> {
        use private::Sealed;
        match self {
            Values::F64(values) => f64::not_finite(values),
            Values::F32(values) => f32::not_finite(values),
            Values::U64(_) | Values::U32(_) | Values::I64(_) | Values::I32(_) | Values::U8(_) => None,
        }
    }
}

fn chunks<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (chunks, _) = bytes.as_chunks::<N>();
    chunks.iter().map(|chunk| read(*chunk)).collect()
}

macro_rules! element {
    ($type:ty, $dtype:ident, $name:literal, $not_finite:expr) => {
        impl Element for $type {}
        impl private::Sealed for $type {
            const DTYPE: Dtype = Dtype::$dtype;
            const NAME: &'static str = $name;
            fn write(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
            fn not_finite(values: &[Self]) -> Option<(usize, f64)> {
                let not_finite: fn(&[Self]) -> Option<(usize, f64)> = $not_finite;
                not_finite(values)
            }
            fn slice(values: &Values) -> Option<&[Self]> {
                if let Values::$dtype(values) = values {
                    Some(values)
                } else {
                    None
                }
            }
        }
    };
}

fn first<T: Copy + Into<f64>>(values: &[T]) -> Option<(usize, f64)> {
    values
        .iter()
        .map(|value| (*value).into())
        .enumerate()
        .find(|(_, value)| !value.is_finite())
}

element!(f64, F64, "f64", first);
element!(f32, F32, "f32", first);
element!(u64, U64, "u64", |_| None);
element!(u32, U32, "u32", |_| None);
element!(i64, I64, "i64", |_| None);
element!(i32, I32, "i32", |_| None);
element!(u8, U8, "u8", |_| None);
