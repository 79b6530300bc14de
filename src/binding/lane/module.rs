//! The modules of the lane, and the macro that declares them.

use std::ffi::c_void;

use napi::sys;

use crate::binding::env::Environment;
use crate::protocol::Part;

/// The result of a hot function for "no such object": handles, ids and counts are never negative.
pub(crate) const NONE: f64 = -1.0;

/// The numbers that an area of the binding shares with TypeScript: a file of `js/protocol/`.
pub(crate) struct Area {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) parts: &'static [&'static [Part]],
}

/// A module of the binding: its hot functions, and the table that they work on.
pub(crate) struct Module {
    pub(crate) exports: &'static [Export],
    /// Returns the address of the module's [`Local`] in an environment, the data of its functions.
    pub(crate) local: fn(&Environment) -> *mut c_void,
}

/// Returns the address of the table of a type in an environment.
pub(crate) fn address_of<T: Default + 'static>(environment: &Environment) -> *mut c_void {
    std::ptr::from_ref(environment.local::<T>()).cast_mut().cast()
}

/// One function of the lane as JavaScript sees it.
pub(crate) struct Export {
    pub(crate) name: &'static str,
    /// Parameters as in a TypeScript signature, for the generated declaration.
    pub(crate) parameters: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) callback: sys::napi_callback,
}

/// Declares a module: the type of its table, then its functions, `"jsName"(a, b) => path;` for numbers,
/// `"jsName"(str text, a) => path;` with a string first. Each is called with the module's [`Local`] before these.
macro_rules! hot_lane {
    (@params str $text:ident $(, $arg:ident)*) => {
        concat!(stringify!($text), ": string" $(, ", ", stringify!($arg), ": number")*)
    };
    (@params) => { "" };
    (@params $first:ident $(, $arg:ident)*) => {
        concat!(stringify!($first), ": number" $(, ", ", stringify!($arg), ": number")*)
    };
    (@callback $table:ty, $target:path, str $text:ident $(, $arg:ident)*) => {{
        unsafe extern "C" fn raw(
            env: napi::sys::napi_env,
            info: napi::sys::napi_callback_info,
        ) -> napi::sys::napi_value {
            // SAFETY: Node-API calls this with a live env and info, and with the data pointer given on creation.
            unsafe {
                $crate::binding::lane::call_with_text(env, info, |local: &$crate::binding::env::Local<$table>, $text, [$($arg),*]| {
                    $target(local, $text $(, $arg)*)
                })
            }
        }
        Some(raw)
    }};
    (@callback $table:ty, $target:path, $($arg:ident),*) => {{
        unsafe extern "C" fn raw(
            env: napi::sys::napi_env,
            info: napi::sys::napi_callback_info,
        ) -> napi::sys::napi_value {
            // SAFETY: as above.
            unsafe {
                $crate::binding::lane::call(env, info, |local: &$crate::binding::env::Local<$table>, [$($arg),*]| {
                    $target(local $(, $arg)*)
                })
            }
        }
        Some(raw)
    }};
    ($table:ty; $($(#[doc = $doc:literal])* $name:literal($($param:tt)*) => $target:path;)*) => {
        $crate::binding::lane::Module {
            exports: &[$($crate::binding::lane::Export {
                name: $name,
                parameters: $crate::binding::lane::hot_lane!(@params $($param)*),
                doc: concat!($($doc),*),
                callback: $crate::binding::lane::hot_lane!(@callback $table, $target, $($param)*),
            }),*],
            local: $crate::binding::lane::address_of::<$table>,
        }
    };
}
pub(crate) use hot_lane;
