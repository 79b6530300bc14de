//! Any bytes as a segment: opened, refused or salvaged, never a panic, and what is counted is served.
#![no_main]

use std::sync::LazyLock;

use keelson::core::journal::fuzz::fuzz_decoder;
use libfuzzer_sys::fuzz_target;

static PLACE: LazyLock<tempfile::TempDir> =
    LazyLock::new(|| tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a directory"));

fuzz_target!(|data: &[u8]| {
    let _ = fuzz_decoder(PLACE.path(), data);
});
