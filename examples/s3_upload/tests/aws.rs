//! What a client of AWS says of real responses and real faults, on loopback.

use std::io;
use std::time::Duration;

use aws_sdk_sso::Client;
use aws_sdk_sso::config::retry::RetryConfig;
use aws_sdk_sso::config::timeout::TimeoutConfig;
use aws_sdk_sso::config::{BehaviorVersion, Config, Region};
use aws_sdk_sso::error::SdkError;
use aws_sdk_sso::operation::list_accounts::{ListAccountsError, ListAccountsOutput};
use aws_smithy_http_client::Builder;
use harness::proxy::Proxy;
use retry_core::{Class, Failure, Policy};
use retry_tokio::{aws_error, error_chain, retry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

type AwsError = SdkError<ListAccountsError>;

/// Status line, headers and body of the answer, with the class and the hint in milliseconds.
const ANSWERS: &[(&str, &str, &str, Class, Option<u64>)] = &[
    ("429 Too Many Requests", "x-amzn-errortype: TooManyRequestsException", "{}", Class::RateLimit, None),
    ("400 Bad Request", "x-amzn-errortype: ThrottlingException", "{}", Class::RateLimit, None),
    (
        "400 Bad Request",
        "x-amz-retry-after: 300",
        r#"{"__type":"a#ThrottlingException"}"#,
        Class::RateLimit,
        Some(300),
    ),
    ("503 Service Unavailable", "retry-after: 7", r#"{"code":"SlowDown"}"#, Class::RateLimit, Some(7_000)),
    ("503 Service Unavailable", "retry-after: 7", "<html>busy</html>", Class::Server, Some(7_000)),
    ("500 Internal Server Error", "x-amzn-errortype: InternalServerException", "{}", Class::Server, None),
    ("400 Bad Request", "x-amzn-errortype: RequestTimeoutException", "{}", Class::Timeout, None),
    ("400 Bad Request", "x-amzn-errortype: InvalidRequestException", "{}", Class::Validation, None),
    ("404 Not Found", "x-amzn-errortype: ResourceNotFoundException", "{}", Class::NotFound, None),
    ("401 Unauthorized", "x-amzn-errortype: UnauthorizedException", "{}", Class::Client, None),
    ("400 Bad Request", "x-amzn-errortype: SomethingNew", "{}", Class::Validation, None),
    ("200 OK", "x-a: b", "{ not JSON", Class::Serialization, None),
];

#[tokio::test]
async fn each_answer_has_its_class_and_its_hint() {
    for (status, headers, body, class, hint) in ANSWERS {
        let length = body.len();
        let answer = format!("HTTP/1.1 {status}\r\n{headers}\r\ncontent-length: {length}\r\n\r\n{body}");
        let error = list(&client(answers(answer).await)).await.unwrap_err();
        let failure = judged(error);
        let seen = (failure.class, failure.hint);
        assert_eq!(seen, (*class, hint.map(Duration::from_millis)), "{status}, {headers}, {body}");
    }
}

#[tokio::test]
async fn each_fault_of_a_connection_has_its_class() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    assert_eq!(judged(list(&client(closed)).await.unwrap_err()).class, Class::Network);

    let cut_in_the_body = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{";
    assert_eq!(
        judged(list(&client(answers(cut_in_the_body).await)).await.unwrap_err()).class,
        Class::Network
    );
    assert_eq!(judged(list(&client(answers("").await)).await.unwrap_err()).class, Class::Network);
    assert_eq!(judged(list(&client(answers("SSH-2.0\r\n").await)).await.unwrap_err()).class, Class::Network);

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    assert_eq!(
        judged(list(&client(silent.local_addr().unwrap().to_string())).await.unwrap_err()).class,
        Class::Timeout
    );
}

#[tokio::test]
async fn a_request_that_cannot_be_built_says_nothing_about_the_service() {
    let error = client("no host".into()).list_accounts().access_token("token").send().await.unwrap_err();
    assert_eq!(judged(error), Failure::new(Class::Validation).neutral());
}

/// The SDK's own retries are off.
#[tokio::test]
async fn the_policy_alone_decides() {
    const POLICY: Policy = Policy::fixed(Duration::from_millis(1)).max_attempts(4);

    let proxy =
        Proxy::start(answers("HTTP/1.1 500 Busy\r\ncontent-length: 0\r\n\r\n").await.parse().unwrap())
            .await
            .unwrap();
    let client = client(proxy.address.to_string());
    let error = retry(&POLICY).classify(aws_error).run(|| list(&client)).await.unwrap_err();
    assert_eq!((error.attempts(), proxy.accepted()), (4, 4));
}

/// Starts a server that reads a request, answers with these bytes, and closes the connection. Returns its address.
async fn answers(answer: impl Into<String>) -> String {
    let (listener, answer) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), answer.into());
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            _ = connection.read(&mut [0; 10_000]).await;
            _ = connection.write_all(answer.as_bytes()).await;
        }
    });
    address
}

fn client(address: String) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("eu-central-1"))
        .endpoint_url(format!("http://{address}"))
        .http_client(Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().operation_timeout(Duration::from_millis(500)).build());
    Client::from_conf(config.build())
}

async fn list(client: &Client) -> Result<ListAccountsOutput, AwsError> {
    client.list_accounts().access_token("token").send().await
}

/// What the classifier says, which is also what the chain says of the error inside of another one.
fn judged(error: AwsError) -> Failure {
    let failure = aws_error(&error);
    let errors = error_chain().knows_by(|error: &AwsError| Some(aws_error(error)));
    assert_eq!(errors.classify(&io::Error::other(error)), failure);
    failure
}
