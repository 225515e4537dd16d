//! Traits whose implementors may be behind a pointer.

/// Implements a trait for `&T`, `Arc<T>` and `Box<T>`, by the signatures of its methods.
#[doc(hidden)]
#[macro_export]
macro_rules! forward {
    ($name:ident { $($methods:tt)* }) => {
        $crate::forward!(@for &T, $name { $($methods)* });
        $crate::forward!(@owned $name { $($methods)* });
    };
    (@owned $name:ident { $($methods:tt)* }) => {
        $crate::forward!(@for std::sync::Arc<T>, $name { $($methods)* });
        $crate::forward!(@for Box<T>, $name { $($methods)* });
    };
    (@for $pointer:ty, $name:ident {
        $(fn $method:ident(&self $(, $argument:ident: $type:ty)*) $(-> $result:ty)?;)*
    }) => {
        impl<T: $name + ?Sized> $name for $pointer {
            $(fn $method(&self $(, $argument: $type)*) $(-> $result)? {
                (**self).$method($($argument),*)
            })*
        }
    };
}
