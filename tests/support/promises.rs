//! Makes a list of promises whose comments are what people read.

macro_rules! promises {
    ($($(#[doc = $text:literal])+ $name:ident,)*) => {
        /// One promise; its text is what people read.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Promise { $($(#[doc = $text])+ $name,)* }

        impl Promise {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            pub fn text(self) -> String {
                match self { $(Self::$name => [$($text),+].concat().trim().to_owned(),)* }
            }
        }
    };
}
