//! Several observers as one.

use super::event::{Event, Observer};

/// Tells an observer the event, if it is enabled.
#[inline]
fn tell<O: Observer + ?Sized>(observer: &O, event: &Event<'_>) {
    if observer.is_enabled() {
        observer.observe(event);
    }
}

/// Tells each enabled observer of a tuple, in order.
macro_rules! tuple {
    ($($part:ident)+) => {
        impl<$($part: Observer),+> Observer for ($($part,)+) {
            #[inline]
            fn observe(&self, event: &Event<'_>) {
                #[allow(non_snake_case)]
                let ($($part,)+) = self;
                $(tell($part, event);)+
            }

            #[inline]
            fn is_enabled(&self) -> bool {
                #[allow(non_snake_case)]
                let ($($part,)+) = self;
                $($part.is_enabled())||+
            }
        }
    };
}

tuple!(A);
tuple!(A B);
tuple!(A B C);
tuple!(A B C D);

/// Tells each enabled observer, in order. The number of observers may be known only at run time.
impl<O: Observer> Observer for [O] {
    fn observe(&self, event: &Event<'_>) {
        self.iter().for_each(|observer| tell(observer, event));
    }

    fn is_enabled(&self) -> bool {
        self.iter().any(Observer::is_enabled)
    }
}

/// Tells each enabled observer, in order.
impl<O: Observer, const N: usize> Observer for [O; N] {
    fn observe(&self, event: &Event<'_>) {
        self.as_slice().observe(event);
    }

    fn is_enabled(&self) -> bool {
        self.as_slice().is_enabled()
    }
}

/// `None` is a disabled observer.
impl<O: Observer> Observer for Option<O> {
    #[inline]
    fn observe(&self, event: &Event<'_>) {
        if let Some(observer) = self {
            observer.observe(event);
        }
    }

    #[inline]
    fn is_enabled(&self) -> bool {
        self.as_ref().is_some_and(Observer::is_enabled)
    }
}

/// Forwards events to the observer that a pointer points to.
macro_rules! pointer {
    ($(#[$attribute:meta])* [$($generics:tt)*] $pointer:ty) => {
        $(#[$attribute])*
        impl<$($generics)*> Observer for $pointer {
            #[inline(always)] // as the observer itself, so that the kind of the event stays known
            fn observe(&self, event: &Event<'_>) {
                (**self).observe(event);
            }

            #[inline]
            fn is_enabled(&self) -> bool {
                (**self).is_enabled()
            }
        }
    };
}
pointer!([O: Observer + ?Sized] &O);
#[cfg(feature = "std")]
pointer!([O: Observer + ?Sized] std::boxed::Box<O>);
#[cfg(feature = "std")]
pointer!([O: Observer + ?Sized] std::sync::Arc<O>);
#[cfg(feature = "std")]
pointer!([O: Observer] std::vec::Vec<O>);
