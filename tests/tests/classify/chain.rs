//! An `ErrorChain` finds what it knows at any depth, whatever is around it.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use retry_core::circuit::Phase;
use retry_core::classify::{ErrorChain, causes};
use retry_core::testing::FakeClock;
use retry_core::{BoxError, Class, Classify, Error, ErrorKind, Failure, GiveUp, Policy, Rejected, Retry};

type Boxed = Box<dyn StdError + Send + Sync>;

/// A type of the program: it has a class, and may have a cause.
#[derive(Debug)]
struct Own(Failure, Option<Boxed>);

impl Own {
    fn of(class: Class) -> Self {
        Self(class.into(), None)
    }

    fn over(class: Class, cause: impl Into<Boxed>) -> Self {
        Self(class.into(), Some(cause.into()))
    }
}

impl fmt::Display for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("own")
    }
}

impl StdError for Own {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.1.as_ref().map(|cause| &**cause as _)
    }
}

impl Classify for Own {
    fn classify(&self) -> Failure {
        self.0
    }
}

/// A type that nothing knows.
#[derive(Debug)]
struct Wrapper(Boxed);

impl fmt::Display for Wrapper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("wrapper")
    }
}

impl StdError for Wrapper {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}

fn refused() -> io::Error {
    io::ErrorKind::ConnectionRefused.into()
}

/// The end of a call whose operation fails with this error.
fn ended<E>(error: impl Fn() -> E, class: Class) -> Error<E> {
    let clock = FakeClock::new();
    let retry = Retry::new(&Policy::DEFAULT, &clock).classify_opaque(move |_: &E| class);
    retry.run_blocking(|| Err::<(), _>(error())).unwrap_err()
}

fn rejected() -> Rejected {
    Rejected::new(Phase::Open, Duration::from_secs(1))
}

type Wrap = fn(Boxed) -> Boxed;

const WRAPPERS: [(&str, Wrap); 7] = [
    ("in nothing", |error| error),
    ("in a wrapper", |error| Wrapper(error).into()),
    ("in an io::Error", |error| io::Error::other(error).into()),
    ("in an io::Error in a wrapper", |error| Wrapper(io::Error::other(error).into()).into()),
    ("in an Arc", |error| Arc::<dyn StdError + Send + Sync>::from(error).into()),
    ("in an io::Error in an Arc", |error| Arc::new(io::Error::other(error)).into()),
    ("in 100 wrappers", |error| (0..100).fold(error, |error, _| Wrapper(error).into())),
];

#[test]
fn what_is_known_is_found_at_any_depth() {
    let errors = ErrorChain::new().knows::<Own>().knows::<Error<Own>>();
    let rows: [(fn() -> Boxed, Class); 12] = [
        (|| refused().into(), Class::Network),
        (|| Box::new(Arc::new(refused())), Class::Network),
        (|| Box::new(Box::new(refused())), Class::Network),
        (|| Own::of(Class::Client).into(), Class::Client),
        (|| Arc::new(Own::of(Class::Client)).into(), Class::Client),
        (|| rejected().into(), Class::CircuitOpen),
        (|| ended(refused, Class::Network).into(), Class::Exhausted),
        (|| ended(|| BoxError::from(refused()), Class::Network).into(), Class::Exhausted),
        (|| ended(|| BoxError::from("text"), Class::NotFound).into(), Class::NotFound),
        (|| ended(|| Own::of(Class::Server), Class::Server).into(), Class::Exhausted),
        (|| Box::new(Arc::new(ended(refused, Class::Validation))), Class::Validation),
        (|| fmt::Error.into(), Class::Unknown),
    ];
    for (error, class) in rows {
        for (how, wrapped) in WRAPPERS {
            let error = wrapped(error());
            assert_eq!(errors.classify(&*error).class, class, "{how}: {error:?}");
        }
    }
}

#[test]
fn what_decides_if_several_errors_are_known() {
    let errors = ErrorChain::new().knows::<Own>();
    let last = |class| Failure::new(class).last();
    let hinted = Failure::new(Class::Unknown).retry_after(Duration::from_secs(2));
    let rows: [(Boxed, Failure); 10] = [
        // The outermost of the program's own types.
        (Own::over(Class::Client, Own::of(Class::Server)).into(), Class::Client.into()),
        (Own::over(Class::Client, refused()).into(), Class::Client.into()),
        (io::Error::new(io::ErrorKind::TimedOut, Own::of(Class::Client)).into(), Class::Client.into()),
        // One that says nothing leaves it to its causes.
        (Own::over(Class::Unknown, refused()).into(), Class::Network.into()),
        (Own(hinted, Some(refused().into())).into(), hinted),
        // The program says the class; the call that ended inside says that this was the last attempt.
        (Own::over(Class::Server, ended(refused, Class::Network)).into(), last(Class::Server)),
        // A call that was refused before it asked is neutral.
        (Own::over(Class::Server, rejected()).into(), last(Class::Server).neutral()),
        // A class that says so itself needs no mark.
        (Own::over(Class::Exhausted, ended(refused, Class::Network)).into(), Class::Exhausted.into()),
        (Own::over(Class::Unknown, ended(refused, Class::Network)).into(), Class::Exhausted.into()),
        // A call's end comes before what it ended with, and before the error around it.
        (
            io::Error::new(io::ErrorKind::TimedOut, ended(refused, Class::Network)).into(),
            Class::Exhausted.into(),
        ),
    ];
    for (error, failure) in rows {
        assert_eq!(errors.classify(&*error), failure, "{error:?}");
    }
    let by_closure =
        ErrorChain::new().knows_by(|own: &Own| own.1.is_none().then_some(Class::RateLimit.into()));
    assert_eq!(by_closure.classify(&Own::of(Class::Client)), Class::RateLimit.into());
    assert_eq!(by_closure.classify(&Own::over(Class::Client, refused())), Class::Network.into());
}

#[test]
fn an_error_that_is_its_own_source_has_an_end() {
    #[derive(Debug)]
    struct Loop;

    impl fmt::Display for Loop {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("loop")
        }
    }

    impl StdError for Loop {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(self)
        }
    }

    assert_eq!(causes(&Loop).count(), 1_000);
    assert_eq!(ErrorChain::new().classify(&Loop).class, Class::Unknown);
}

#[test]
fn a_retry_classifies_by_it() {
    let clock = FakeClock::new();
    let retry = Retry::new(&Policy::DEFAULT, &clock);
    let errors = ErrorChain::new().knows::<Own>();

    let by_value = retry.clone().classifier(errors);
    let error = by_value.run_blocking(|| Err::<(), _>(Wrapper(refused().into()))).unwrap_err();
    assert_eq!((error.class(), error.attempts()), (Some(Class::Network), 3));

    let boxed = retry.clone().classify(|error: &Boxed| errors.classify(&**error));
    let error = boxed.run_blocking(|| Err::<(), Boxed>(Own::of(Class::Client).into())).unwrap_err();
    assert_eq!((error.class(), error.attempts()), (Some(Class::Client), 1));

    let error = retry.run_blocking(|| Err::<(), BoxError>(refused().into())).unwrap_err();
    assert_eq!((error.class(), error.attempts()), (Some(Class::Network), 3), "a BoxError has a class");

    // The program's type says Network, and was retried inside: 3 attempts, and not 9.
    let mut attempts = 0;
    let own = retry.clone().classifier(errors);
    let error = own
        .run_blocking(|| {
            let inner = retry.clone().run_blocking(|| {
                attempts += 1;
                Err::<(), _>(refused())
            });
            inner.map_err(|ended| Own::over(Class::Network, ended))
        })
        .unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::GaveUp(GiveUp::Attempts), Some(Class::Network)));
    assert_eq!(attempts, 3);
}
