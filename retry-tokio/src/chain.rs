//! What the chain of an error says, with the errors of tokio and of the HTTP clients in it.

use std::error::Error as StdError;
use std::io;

use retry_core::classify::{BaseErrors, Causes, CoreErrors, ErrorChain, downcast};
use retry_core::{Class, Classify, Error, Failure};

#[cfg(feature = "redis")]
use crate::redis::kinds::Said;
use crate::tls::{Text, of_connection, of_handshake, of_openssl};

/// Classifies errors of any type by their chain of causes: [`ErrorChain`] with the errors of tokio, of the HTTP clients, of
/// redis and of tower.
///
/// At any depth it knows `std::io::Error` and tokio's `Elapsed`, and by feature:
///
/// | feature | errors |
/// |---|---|
/// | `aws` | the `ConnectorError`, `HttpError` and `ErrorMetadata` of aws-smithy 1.x. An `SdkError` needs [`knows_by`](ErrorChain::knows_by): see `aws_error` |
/// | `http` | those of building a request: `Validation`, [neutral](Failure::neutral) |
/// | `hyper` | `hyper::Error`, and the error of hyper-util's client: as the function `hyper_error` does |
/// | `h2` | `h2::Error`, by the reason: [RFC 9113], section 7 |
/// | `object_store` | `object_store::Error` of object_store 0.14, and its `HttpError`: as the function `object_store_error` does |
/// | `redis` | `redis::RedisError`: as the function `redis_error` does |
/// | `reqwest` | `reqwest::Error`: as the function `reqwest_error` does |
/// | `rumqttc` | `rumqttc::ConnectionError` of rumqttc 0.25, and that of its `v5`: as the function `rumqttc_error` does |
/// | `sqlx` | `sqlx::Error` of sqlx 0.8: as the function `sqlx_error` does |
/// | `tokio-postgres` | `tokio_postgres::Error` of tokio-postgres 0.7: as the function `tokio_postgres_error` does |
/// | `tonic` | `tonic::Status` of tonic 0.14, by code and pushback: as the function `tonic_status` does |
/// | `tower` | `ServiceError`, and the `Elapsed` and `Overloaded` of tower 0.5 |
///
/// It also knows an [`Error`] of this library over each of these, over `std::io::Error` and over a
/// [`BoxError`](retry_core::BoxError): how a call inside ended. So nested retries do not multiply, whether the inner one is in
/// a resolver, in a connector or in a box. Add other types by [`knows`](ErrorChain::knows):
///
/// ```
/// use std::{error::Error as StdError, io};
/// use retry_core::{Class, Error, Policy};
/// use retry_tokio::{error_chain, retry};
///
/// type AnyError = Box<dyn StdError + Send + Sync>;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() {
/// let errors = error_chain().knows::<Error<std::fmt::Error>>();
/// let read = retry(&Policy::DEFAULT).classify(|error: &AnyError| errors.classify(&**error));
/// let refused = || async { Err::<(), AnyError>(io::Error::from(io::ErrorKind::ConnectionRefused).into()) };
/// let error = read.run(refused).await.unwrap_err();
/// assert_eq!((error.class(), error.attempts()), (Some(Class::Network), 3));
/// # }
/// ```
///
/// [RFC 9113]: https://www.rfc-editor.org/rfc/rfc9113.html#section-7
pub const fn error_chain() -> ErrorChain<ClientErrors> {
    ErrorChain::over(ClientErrors { begins: Place::Elsewhere })
}

/// The errors that [`error_chain`] knows by itself.
#[derive(Clone, Copy, Debug)]
pub struct ClientErrors {
    begins: Place,
}

impl ClientErrors {
    /// For an error that is known to come from a client.
    #[cfg(feature = "hyper")]
    pub(crate) const OF_A_CLIENT: Self = Self { begins: Place::Connection };
}

impl BaseErrors for ClientErrors {
    fn ended(&self, chain: Causes<'_>) -> Option<Failure> {
        #[cfg_attr(not(feature = "hyper"), allow(unused_mut, reason = "only hyper has requests"))]
        let mut is_of_request = false;
        for error in chain {
            if let Some(failure) = ended_here(error) {
                // A body of the caller's own that retried inside says nothing about the server.
                return Some(if is_of_request { failure.neutral() } else { failure });
            }
            #[cfg(feature = "hyper")]
            if let Some(hyper) = downcast::<hyper::Error>(error) {
                is_of_request |= hyper.is_user();
            }
        }
        None
    }

    fn find(&self, chain: Causes<'_>) -> Option<Failure> {
        let mut walk = Walk { place: self.begins, otherwise: None };
        for error in chain {
            if let Some(failure) = walk.step(error) {
                return Some(walk.judged(failure));
            }
        }
        walk.otherwise.map(|class| walk.judged(class.into()))
    }
}

/// Returns how a call inside ended, if this error says so.
fn ended_here(error: &(dyn StdError + 'static)) -> Option<Failure> {
    #[cfg(feature = "tower")]
    if let Some(ended) = downcast::<crate::ServiceError>(error) {
        return Some(ended.classify());
    }
    let over: &[fn(&(dyn StdError + 'static)) -> Option<Failure>] = &[
        CoreErrors::ended_here,
        over::<tokio::time::error::Elapsed>,
        #[cfg(feature = "http")]
        over::<http::Error>,
        #[cfg(feature = "h2")]
        over::<h2::Error>,
        #[cfg(feature = "hyper")]
        over::<hyper::Error>,
        #[cfg(feature = "hyper")]
        over::<hyper_util::client::legacy::Error>,
        #[cfg(feature = "object_store")]
        over::<object_store::Error>,
        #[cfg(feature = "object_store")]
        over::<object_store::client::HttpError>,
        #[cfg(feature = "redis")]
        over::<redis::RedisError>,
        #[cfg(feature = "reqwest")]
        over::<reqwest::Error>,
        #[cfg(feature = "rumqttc")]
        over::<rumqttc::ConnectionError>,
        #[cfg(feature = "rumqttc")]
        over::<rumqttc::v5::ConnectionError>,
        #[cfg(feature = "sqlx")]
        over::<sqlx::Error>,
        #[cfg(feature = "tokio-postgres")]
        over::<tokio_postgres::Error>,
        #[cfg(feature = "tonic")]
        over::<tonic::Status>,
        #[cfg(feature = "tower")]
        over::<crate::ServiceError>,
    ];
    over.iter().find_map(|over| over(error))
}

fn over<E: StdError + 'static>(error: &(dyn StdError + 'static)) -> Option<Failure> {
    downcast::<Error<E>>(error).map(Classify::classify)
}

/// Where a cause comes from, as the errors around it say. The same `io::Error` means something else in each place.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(not(feature = "reqwest"), allow(dead_code, reason = "only some clients have all places"))]
enum Place {
    /// No client is around it.
    Elsewhere,
    /// The connection, or the way to it: see [`of_connection`].
    Connection,
    /// The bytes that the server sent. If they are invalid, they are not HTTP, as after a connection that broke.
    Answer,
    /// The body that they carried, after HTTP.
    Content,
    /// The caller's own request, such as its body. What fails there says nothing about the server.
    Request,
}

/// A request that could not be built. It says nothing about the server.
const NOT_BUILT: Failure = Failure::new(Class::Validation).neutral();

/// The way along the chain, from the outside in.
struct Walk {
    place: Place,
    /// What it is if the rest of the chain says nothing.
    otherwise: Option<Class>,
}

impl Walk {
    /// Looks at the next error of the chain. `None` leaves the decision to the rest.
    fn step(&mut self, error: &(dyn StdError + 'static)) -> Option<Failure> {
        if let Some(io) = downcast::<io::Error>(error) {
            return self.of_io(io).map(Into::into);
        }
        if error.is::<tokio::time::error::Elapsed>() {
            return Some(Class::Timeout.into());
        }
        #[cfg(feature = "tower")]
        if error.is::<tower::timeout::error::Elapsed>() {
            return Some(Class::Timeout.into());
        } else if error.is::<tower::load_shed::error::Overloaded>() {
            return Some(Class::Transient.into());
        }
        #[cfg(feature = "http")]
        if is_of_http(error) {
            let is_of_answer = matches!(self.place, Place::Answer | Place::Content);
            return Some(if is_of_answer { Class::Validation.into() } else { NOT_BUILT });
        }
        #[cfg(feature = "sqlx")]
        if let Some(sqlx) = downcast::<sqlx::Error>(error) {
            return known(crate::sqlx_error(sqlx));
        }
        #[cfg(feature = "tokio-postgres")]
        if let Some(postgres) = downcast::<tokio_postgres::Error>(error) {
            return known(crate::tokio_postgres_error(postgres));
        }
        #[cfg(feature = "rumqttc")]
        if let Some(said) = crate::rumqttc::kinds::of_rumqttc(error) {
            return said.map_err(|otherwise| self.enter(Place::Connection, otherwise)).ok();
        }
        #[cfg(feature = "tonic")]
        if let Some(status) = downcast::<tonic::Status>(error) {
            return match crate::tonic::status::of_status(status) {
                Ok(failure) => Some(failure),
                Err(class) => {
                    self.otherwise = self.otherwise.or(Some(class));
                    None
                }
            };
        } else if error.is::<tonic::ConnectError>() {
            self.enter(Place::Connection, Class::Network);
            return None;
        }
        #[cfg(feature = "h2")]
        if let Some(h2) = downcast::<h2::Error>(error) {
            return Some(crate::h2::of_h2(h2));
        }
        #[cfg(feature = "aws")]
        if let Some(connector) = downcast::<aws_smithy_runtime_api::client::result::ConnectorError>(error) {
            match crate::aws::errors::of_connector(connector) {
                Some(Ok(otherwise)) => self.enter(Place::Connection, otherwise),
                Some(Err(failure)) => return Some(failure),
                None => {}
            }
            return None;
        } else if let Some(answer) = downcast::<aws_smithy_types::error::ErrorMetadata>(error) {
            return answer.code().and_then(Class::of_aws_code).map(Into::into);
        } else if error.is::<aws_smithy_runtime_api::http::HttpError>() {
            return Some(NOT_BUILT); // such as for an endpoint that is not a URL
        }
        #[cfg(feature = "object_store")]
        if let Some(store) = downcast::<object_store::Error>(error) {
            return crate::object_store::errors::of_store(store);
        } else if let Some(request) = downcast::<object_store::client::HttpError>(error) {
            match crate::object_store::errors::of_request(request) {
                Ok(otherwise) => self.enter(Place::Connection, otherwise),
                Err(class) => return Some(class.into()),
            }
            return None;
        } else if let Some(class) = crate::object_store::errors::of_answer(error) {
            return Some(class.into());
        }
        #[cfg(feature = "redis")]
        if let Some(redis) = downcast::<redis::RedisError>(error) {
            return self.of_redis(redis);
        }
        #[cfg(feature = "reqwest")]
        if let Some(reqwest) = downcast::<reqwest::Error>(error) {
            return self.of_reqwest(reqwest);
        }
        #[cfg(feature = "hyper")]
        if let Some(hyper) = downcast::<hyper::Error>(error) {
            return self.of_hyper(hyper).map(Into::into);
        } else if let Some(client) = downcast::<hyper_util::client::legacy::Error>(error) {
            return self.of_hyper_util(client);
        }
        self.of_text(error)
    }

    /// Marks a failure of the caller's own request as neutral.
    fn judged(&self, failure: Failure) -> Failure {
        if self.place == Place::Request { failure.neutral() } else { failure }
    }

    fn of_io(&mut self, error: &io::Error) -> Option<Class> {
        if self.place == Place::Connection {
            let class = of_connection(error);
            if class.is_none() {
                self.otherwise = Some(Class::Network);
            }
            return class;
        }
        match (self.place, error.classify().class) {
            (_, Class::Unknown) => None,
            (Place::Answer, Class::Serialization | Class::Validation) => Some(Class::Network),
            (_, class) => Some(class),
        }
    }

    #[cfg(feature = "redis")]
    fn of_redis(&mut self, error: &redis::RedisError) -> Option<Failure> {
        match crate::redis::kinds::of_redis(error) {
            Said::Failure(failure) if failure == Class::Unknown.into() => None,
            Said::Failure(failure) => Some(failure),
            Said::Connection(otherwise) => {
                self.enter(Place::Connection, otherwise);
                None
            }
        }
    }

    #[cfg(feature = "reqwest")]
    fn of_reqwest(&mut self, error: &reqwest::Error) -> Option<Failure> {
        if let Some(status) = error.status() {
            return Some(Failure::of_http(status.as_u16(), None).unwrap_or(Class::Unknown.into()));
        }
        match () {
            () if error.is_timeout() => return Some(Class::Timeout.into()),
            () if error.is_builder() => return Some(NOT_BUILT),
            () if error.is_redirect() || error.is_upgrade() => return Some(Class::Permanent.into()),
            () if error.is_decode() => self.enter(Place::Content, Class::Serialization),
            () if error.is_body() => self.enter(Place::Answer, Class::Network),
            () => self.enter(Place::Connection, Class::Network),
        }
        None
    }

    #[cfg(feature = "hyper")]
    fn of_hyper(&mut self, error: &hyper::Error) -> Option<Class> {
        // hyper has no method for this kind: it is that of chunks and trailers that cannot be read.
        let is_of_body = || Text::of(error).contains("reading a body");
        match () {
            () if error.is_timeout() => return Some(Class::Timeout),
            () if error.is_user() => self.enter(Place::Request, Class::Validation),
            () if error.is_parse() || is_of_body() => self.enter(Place::Answer, Class::Network),
            () => self.enter(Place::Connection, Class::Network),
        }
        None
    }

    /// hyper-util says by its text alone that a request cannot be sent.
    #[cfg(feature = "hyper")]
    fn of_hyper_util(&mut self, error: &hyper_util::client::legacy::Error) -> Option<Failure> {
        if Text::of(error).starts_with("client error (User") {
            return Some(NOT_BUILT);
        }
        self.enter(Place::Connection, Class::Network);
        None
    }

    /// Errors of private types: those of connectors.
    fn of_text(&self, error: &(dyn StdError + 'static)) -> Option<Failure> {
        match self.place {
            Place::Connection => {
                let text = Text::of(error);
                // `https` without TLS, or a URL without a host: hyper-util's connector.
                if text.starts_with("invalid URL, ") {
                    return Some(NOT_BUILT);
                }
                of_handshake(&text).map(Into::into)
            }
            Place::Elsewhere => of_openssl(&Text::of(error)).map(Into::into),
            Place::Answer | Place::Content | Place::Request => None,
        }
    }

    /// What is inside the caller's own request stays its own, such as the connection that its body is read from.
    #[cfg(any(
        feature = "aws",
        feature = "hyper",
        feature = "redis",
        feature = "rumqttc",
        feature = "tonic"
    ))]
    fn enter(&mut self, place: Place, otherwise: Class) {
        if self.place != Place::Request {
            (self.place, self.otherwise) = (place, Some(otherwise));
        }
    }
}

/// An error without a class leaves the decision to its causes.
#[cfg(any(feature = "sqlx", feature = "tokio-postgres"))]
fn known(failure: Failure) -> Option<Failure> {
    (failure.class != Class::Unknown).then_some(failure)
}

#[cfg(feature = "http")]
fn is_of_http(error: &(dyn StdError + 'static)) -> bool {
    use http::{header, method, uri};

    error.is::<http::Error>()
        || error.is::<uri::InvalidUri>()
        || error.is::<uri::InvalidUriParts>()
        || error.is::<method::InvalidMethod>()
        || error.is::<header::InvalidHeaderName>()
        || error.is::<header::InvalidHeaderValue>()
        || error.is::<header::MaxSizeReached>()
}
