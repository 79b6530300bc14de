//! Lets the addon resolve Node-API at load time.

fn main() {
    #[cfg(feature = "binding")]
    napi_build::setup();
    // The handlers of signals and the hook for panics stay in the library after a worker that loaded it has ended.
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
