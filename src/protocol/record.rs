//! Records in memory that JavaScript sees as a `Float64Array`, and where a field is an integer, as an `Int32Array`.

use std::cell::Cell;

use super::FieldKind;

/// The type of a field of a record.
///
/// # Safety
///
/// Any bits are a value of it, and it is aligned to no more than a number.
pub(crate) unsafe trait Field: Copy + 'static {
    const KIND: FieldKind;
}

// SAFETY: any bits are a number.
unsafe impl Field for f64 {
    const KIND: FieldKind = FieldKind::Number;
}

// SAFETY: any bits are an integer.
unsafe impl Field for u32 {
    const KIND: FieldKind = FieldKind::Word;
}

/// A number that may not be known; NaN is written for one that is not.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Known(f64);

// SAFETY: a number.
unsafe impl Field for Known {
    const KIND: FieldKind = FieldKind::Known;
}

impl From<Option<f64>> for Known {
    fn from(value: Option<f64>) -> Self {
        Self(value.unwrap_or(f64::NAN))
    }
}

/// Yes or no, as 1 or 0.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Flag(f64);

// SAFETY: a number.
unsafe impl Field for Flag {
    const KIND: FieldKind = FieldKind::Flag;
}

impl From<bool> for Flag {
    fn from(value: bool) -> Self {
        Self(f64::from(u8::from(value)))
    }
}

impl Flag {
    pub(crate) fn is_set(self) -> bool {
        self.0 != 0.0
    }
}

/// Numbers that lie side by side; made by `lane_record!`.
///
/// # Safety
///
/// `repr(C)`, and made of nothing but [`Field`]s.
pub(crate) unsafe trait Record: Copy {
    /// The cell at which it begins.
    const BASE: usize;
    /// The number of cells that it takes.
    const CELLS: usize = {
        assert!(
            size_of::<Self>().is_multiple_of(size_of::<f64>()),
            "a record is made of whole cells"
        );
        assert!(align_of::<Self>() == align_of::<f64>(), "a record has a number in it");
        size_of::<Self>() / size_of::<f64>()
    };

    /// Returns the memory at its place.
    fn within(cells: &[Cell<f64>]) -> &Cell<Self> {
        &records(&cells[Self::BASE..Self::BASE + Self::CELLS])[0]
    }
}

/// Returns the same memory as records, without the rest at the end.
pub(crate) fn records<R: Record>(cells: &[Cell<f64>]) -> &[Cell<R>] {
    let count = cells.len() / R::CELLS;
    // SAFETY: `R` is `repr(C)` and made of fields, so any bits are a value of it; `CELLS` is its size, it is aligned as a
    // number, and `Cell` has the layout of what is in it.
    unsafe { std::slice::from_raw_parts(cells.as_ptr().cast(), count) }
}

/// Returns the numbers of records, one after the other.
pub(crate) fn numbers<R: Record>(records: impl Iterator<Item = R>) -> Vec<f64> {
    let mut numbers = Vec::new();
    for record in records {
        let at = numbers.len();
        numbers.resize(at + R::CELLS, 0.0);
        let cells = Cell::from_mut(&mut numbers[at..]).as_slice_of_cells();
        self::records(cells)[0].set(record);
    }
    numbers
}
