//! Uploads against the server on loopback: what the program leaves out.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{future, io};

use harness::proxy::Proxy;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode};
use reqwest::Client;
use retry_core::Class;
use retry_tokio::{error_chain, object_store_error};
use s3_upload::s3::{Answer, S3, bucket_at};
use s3_upload::uploads::{POLICY, Uploads, bucket};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::time::sleep;

fn store(settings: AmazonS3Builder) -> AmazonS3 {
    let quick = POLICY.max_delay(Duration::from_millis(50));
    bucket(settings, Client::builder().no_proxy(), quick).unwrap()
}

/// The smallest part that S3 takes, unless it is the last one.
const PART: usize = 5 << 20;

async fn uploads() -> (S3, Uploads) {
    let s3 = S3::new().unwrap();
    let store = store(s3.bucket().await.unwrap());
    (s3, Uploads::new(store, PART))
}

#[tokio::test]
async fn object_store_sees_the_status_of_the_last_response() {
    let (s3, uploads) = uploads().await;
    s3.set("put missing", &[Answer::Fail(404, "NoSuchBucket", None)]);
    s3.set(
        "put denied",
        &[Answer::Fail(500, "InternalError", None), Answer::Fail(403, "AccessDenied", None)],
    );
    let missing = uploads.put("missing", vec![7]).await.unwrap_err();
    assert!(matches!(missing.inner(), Some(object_store::Error::NotFound { .. })), "{missing:?}");
    let denied = uploads.put("denied", vec![7]).await.unwrap_err();
    assert!(matches!(denied.inner(), Some(object_store::Error::PermissionDenied { .. })), "{denied:?}");
    assert_eq!(s3.seen("put denied").len(), 2);
    let keys: Vec<_> = uploads.letters.drain().into_iter().map(|letter| letter.payload).collect();
    assert_eq!(keys, ["missing", "denied"]);
}

#[tokio::test]
async fn the_parts_of_an_upload_that_is_not_completed_are_removed() {
    let (s3, uploads) = uploads().await;
    s3.set("complete report", &[Answer::Fail(200, "InternalError", None)]);
    uploads.put("report", vec![7; PART + 1]).await.unwrap_err();
    let (completed, removed) = (s3.seen("complete report").len(), s3.seen("DELETE report").len());
    assert_eq!((s3.parts("report"), completed, removed), (2, 4, 1));
    assert_eq!((s3.object("report"), uploads.letters.len()), (None, 1));
}

#[tokio::test]
async fn what_is_larger_than_a_part_goes_up_in_parts_also_from_a_letter() {
    let (s3, uploads) = uploads().await;
    let refused_once = [Answer::Fail(403, "AccessDenied", None), Answer::Ok];
    let rows =
        [("small", 8, "put small"), ("whole", PART, "put whole"), ("large", PART + 1, "complete large")];
    for (key, length, operation) in rows {
        s3.set(operation, &refused_once);
        uploads.put(key, vec![7; length]).await.unwrap_err();
    }
    let content = |key: &str| vec![8; rows.iter().find(|row| row.0 == key).unwrap().1];
    assert_eq!(uploads.redrive(content).await.unwrap(), 3);
    for (key, length, _) in rows {
        assert!(s3.object(key).unwrap() == vec![8; length], "{key}");
        let (whole, parts) = (s3.seen(&format!("put {key}")).len(), s3.parts(key));
        assert_eq!((whole, parts), if length > PART { (0, 4) } else { (2, 0) }, "{key}");
    }
}

/// S3 answers a copy by a 200 before it has copied, and only then says that it failed.
#[tokio::test]
async fn a_copy_that_fails_inside_a_200_is_sent_again() {
    let s3 = S3::new().unwrap();
    let store = store(s3.bucket().await.unwrap());
    let (from, to) = (Path::from("november"), Path::from("copy"));
    store.put(&from, "7 apples".into()).await.unwrap();

    s3.set(
        "copy copy",
        &[Answer::Fail(200, "SlowDown", None), Answer::Fail(200, "InternalError", None), Answer::Ok],
    );
    store.copy(&from, &to).await.unwrap();
    assert_eq!((s3.seen("copy copy").len(), s3.object("copy").unwrap()), (3, b"7 apples".to_vec()));

    s3.set("copy denied", &[Answer::Fail(200, "AccessDenied", None)]);
    store.copy(&from, &Path::from("denied")).await.unwrap_err();
    assert_eq!((s3.seen("copy denied").len(), s3.object("denied")), (1, None));
}

/// 500 tokens, and 10 for each retry after a timeout: 50 retries in all, and a few that time brings back.
#[tokio::test]
async fn all_uploads_share_one_budget() {
    let (s3, uploads) = uploads().await;
    let mut requests = 0;
    for number in 0..100 {
        s3.set(&format!("put {number}"), &[Answer::Fail(400, "RequestTimeout", None)]);
        uploads.put(&number.to_string(), vec![7]).await.unwrap_err();
        requests += s3.seen(&format!("put {number}")).len();
    }
    assert!((150..=200).contains(&requests), "{requests} requests instead of 400");
}

/// The server stores the object, and the answer is lost. A repetition would say that the object exists already.
#[tokio::test]
async fn a_write_on_a_condition_is_not_repeated_after_a_lost_answer() {
    let s3 = S3::new().unwrap();
    let proxy = Proxy::start(s3.start().await.unwrap()).await.unwrap();
    let store = store(bucket_at(proxy.address));
    let create = |key: &'static str, mode: PutMode| {
        let store = &store;
        async move { store.put_opts(&Path::from(key), "7 apples".into(), mode.into()).await }
    };

    proxy.cut_downloads_after(&[0]);
    create("over", PutMode::Overwrite).await.unwrap();
    proxy.cut_downloads_after(&[0]);
    let lost = create("new", PutMode::Create).await.unwrap_err();
    let failure = object_store_error(&lost);
    assert_eq!((s3.seen("put over").len(), s3.seen("put new").len()), (2, 1), "{lost}");
    assert_eq!((failure.class, failure), (Class::Network, error_chain().classify(&io::Error::other(lost))));

    s3.set("put busy", &[Answer::Fail(503, "SlowDown", None), Answer::Ok]);
    create("busy", PutMode::Create).await.unwrap();
    assert_eq!(s3.seen("put busy").len(), 2);
}

/// Without a connector that retries, the errors of object_store have the same classes.
#[tokio::test]
async fn each_error_of_object_store_has_its_class() {
    let rows = [
        (503, "SlowDown", Class::RateLimit),
        (503, "SomethingNew", Class::Server),
        (400, "RequestTimeout", Class::Timeout),
        (400, "SomethingNew", Class::Validation),
        (404, "NoSuchKey", Class::NotFound),
        (403, "AccessDenied", Class::Client),
        (412, "PreconditionFailed", Class::Client),
    ];
    let (s3, uploads) = uploads().await;
    for (status, code, class) in rows {
        s3.set("put key", &[Answer::Fail(status, code, None)]);
        let error = uploads.put("key", vec![7]).await.unwrap_err();
        let error = io::Error::other(error.into_inner().unwrap());
        assert_eq!(error_chain().classify(&error).class, class, "{status} {code}: {error}");
    }
}

/// The server reads all the time, and more slowly than the client sends.
#[tokio::test]
async fn a_read_timeout_ends_a_part_that_is_still_being_sent() {
    const PART: usize = 32 << 20; // more than the buffers of the sockets hold

    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/reports/part", server.local_addr().unwrap());
    let client = Client::builder().no_proxy().read_timeout(Duration::from_millis(300)).build().unwrap();
    let received = AtomicUsize::new(0);
    let reading = async {
        let (mut connection, _) = server.accept().await.unwrap();
        let mut buffer = vec![0; 64 << 10];
        while let Ok(read @ 1..) = connection.read(&mut buffer).await {
            received.fetch_add(read, Ordering::Relaxed);
            sleep(Duration::from_millis(10)).await;
        }
        future::pending::<()>().await;
    };
    tokio::select! {
        sent = client.put(url).body(vec![7; PART]).send() => assert!(sent.unwrap_err().is_timeout()),
        () = reading => {}
    }
    let received = received.into_inner();
    assert!((1..PART).contains(&received), "{received} bytes");
}
