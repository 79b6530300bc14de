//! Lets the addon resolve Node-API at load time; does nothing for the core alone.

fn main() {
    #[cfg(feature = "binding")]
    napi_build::setup();
}
