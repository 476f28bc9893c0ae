//! Uploads against the server on loopback: what the program leaves out.

use s3_upload::s3::{Answer, S3};
use s3_upload::uploads::{POLICY, Uploads, bucket};

async fn uploads() -> (S3, Uploads) {
    let s3 = S3::default();
    let endpoint = format!("http://{}", s3.start().await.unwrap());
    let quick = POLICY.max_delay(core::time::Duration::from_millis(50));
    (s3, Uploads::new(bucket(&endpoint, quick).unwrap()))
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
    uploads.put_in_parts("report", &[7; 100], 30).await.unwrap_err();
    let (completed, removed) = (s3.seen("complete report").len(), s3.seen("DELETE report").len());
    assert_eq!((s3.parts("report"), completed, removed), (4, 4, 1));
    assert_eq!((s3.object("report"), uploads.letters.len()), (None, 1));
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
