//! Several operations as one, for flows that need more than one kind.

/// Writes the enum `AnyOperation` of a flow's operations, which is an operation itself.
///
/// It also writes `AnyResponse`, the response of any of these operations, and `AnyResult`, which pairs an
/// operation with its result, for the flow to match on.
macro_rules! operations {
    ($(#[$meta:meta])* enum AnyOperation { $($(#[$note:meta])* $name:ident($operation:ty)),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug)]
        pub(crate) enum AnyOperation { $($(#[$note])* $name($operation)),+ }

        #[derive(Debug)]
        pub(crate) enum AnyResponse { $($name(<$operation as $crate::op::Operation>::Response)),+ }

        #[allow(dead_code, reason = "a flow looks at the operation where it has to know which one")]
        #[derive(Debug)]
        enum AnyResult {
            $($name(
                $operation,
                Result<<$operation as $crate::op::Operation>::Response, $crate::error::Error>,
            )),+
        }

        impl AnyOperation {
            /// Pairs the operation with its result.
            fn with(self, result: Result<AnyResponse, $crate::error::Error>) -> AnyResult {
                match (self, result) {
                    $(
                        (Self::$name(it), Ok(AnyResponse::$name(response))) => {
                            AnyResult::$name(it, Ok(response))
                        }
                        (Self::$name(it), Err(error)) => AnyResult::$name(it, Err(error)),
                    )+
                    (_, Ok(_)) => unreachable!("an operation reads its own response"),
                }
            }
        }

        impl $crate::op::Operation for AnyOperation {
            type Response = AnyResponse;
        }

        impl $crate::op::Hooks<AnyResponse> for AnyOperation {
            fn spec(&self) -> $crate::op::Spec {
                match self { $(Self::$name(it) => it.spec()),+ }
            }

            fn check(&self, session: &$crate::session::Session) -> Result<(), $crate::error::Error> {
                match self { $(Self::$name(it) => it.check(session)),+ }
            }

            fn payload(
                &self,
                directory: &$crate::wire::Directory,
                notices: &mut alloc::vec::Vec<$crate::notice::Notice>,
            ) -> Result<alloc::vec::Vec<u8>, $crate::error::Unsupported> {
                match self { $(Self::$name(it) => it.payload(directory, notices)),+ }
            }

            fn read(
                &mut self,
                received: &mut $crate::op::Received<'_>,
            ) -> $crate::op::Reading<AnyResponse> {
                match self {
                    $(Self::$name(it) => Ok(it.read(received)?.map(AnyResponse::$name))),+
                }
            }

            fn read_error(
                &mut self,
                error: $crate::error::Error,
                context: &mut $crate::op::Failure<'_>,
            ) -> $crate::op::Reading<AnyResponse> {
                match self {
                    $(Self::$name(it) => {
                        Ok(it.read_error(error, context)?.map(AnyResponse::$name))
                    })+
                }
            }

            fn landed(&self, response: &AnyResponse) -> bool {
                match (self, response) {
                    $((Self::$name(it), AnyResponse::$name(response)) => it.landed(response),)+
                    _ => true,
                }
            }

            fn fallback(
                &self,
                failure: &$crate::error::Error,
                location: Option<&$crate::url::Url>,
                session: &mut $crate::session::Session,
            ) -> Option<$crate::op::Spec> {
                match self { $(Self::$name(it) => it.fallback(failure, location, session)),+ }
            }

            fn read_fallback(
                &mut self,
                received: &mut $crate::op::Received<'_>,
            ) -> $crate::op::Reading<AnyResponse> {
                match self {
                    $(Self::$name(it) => {
                        Ok(it.read_fallback(received)?.map(AnyResponse::$name))
                    })+
                }
            }

            fn apply(&self, response: &AnyResponse, session: &mut $crate::session::Session) {
                match (self, response) {
                    $((Self::$name(it), AnyResponse::$name(response)) => {
                        it.apply(response, session);
                    })+
                    _ => {}
                }
            }
        }
    };
}
pub(crate) use operations;
