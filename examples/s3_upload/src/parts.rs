//! The parts of the program, each with its claims.

use core::time::Duration;

use harness::claims::Claims;
use harness::proxy::Proxy;
use harness::{counted, said};
use object_store::aws::AmazonS3Builder;
use reqwest::Client;
use retry_core::{Error, Policy};

use crate::Result;
use crate::s3::{Answer, S3, bucket_at};
use crate::uploads::{POLICY, Uploads, bucket};

const QUICK: Policy = POLICY.max_delay(Duration::from_millis(100)).max_hint(Duration::from_secs(2));

/// The smallest part that S3 takes, unless it is the last one.
const PART: usize = 5 << 20;

/// What S3 answers when it is busy, and when a request is wrong.
pub async fn answers(claims: &mut Claims) -> Result<()> {
    let s3 = S3::new()?;
    let uploads = uploads(s3.bucket().await?)?;
    // status, code, Retry-After, how often it fails, requests, milliseconds from the first to the last
    let rows = [
        (503, "SlowDown", Some(1), 1, 2, 1_000),
        (503, "SlowDown", None, 2, 3, 0),
        (500, "InternalError", None, 2, 3, 0),
        (400, "RequestTimeout", None, 1, 2, 0),
        (500, "InternalError", None, 9, 4, 0),
        (503, "SlowDown", Some(3_600), 9, 1, 0),
        (403, "AccessDenied", None, 9, 1, 0),
        (400, "EntityTooLarge", None, 9, 1, 0),
    ];
    for (row, (status, code, wait, times, requests, ms)) in rows.into_iter().enumerate() {
        let key = format!("report-{row}");
        let mut answers = vec![Answer::Fail(status, code, wait); times];
        answers.push(Answer::Ok);
        s3.set(&format!("put {key}"), &answers);
        let uploaded = uploads.put(&key, b"7 apples".to_vec()).await;
        let seen = s3.seen(&format!("put {key}"));
        let took = *seen.last().ok_or("a request")? - seen[0];
        let is_there = s3.object(&key).is_some();
        claims.check(
            seen.len() == requests
                && took >= Duration::from_millis(ms)
                && uploaded.is_ok() == (times < requests)
                && is_there == uploaded.is_ok(),
            format_args!(
                "{status} {code}{}: requests: {}, in {} ms, {}",
                wait.map_or(String::new(), |wait| format!(", Retry-After: {wait}")),
                seen.len(),
                took.as_millis(),
                if is_there { "uploaded" } else { "given up" },
            ),
        );
    }
    let lost = uploads.letters.len();
    claims.check(lost == 4, format_args!("{lost} dead letters, for the 4 uploads that were given up"));

    let uploads = self::uploads(s3.bucket().await?.with_secret_access_key("guessed"))?;
    let uploaded = uploads.put("unsigned", b"7 apples".to_vec()).await;
    let requests = s3.seen("put unsigned").len();
    let said = uploaded.err().and_then(Error::into_inner).map_or(String::new(), |error| error.to_string());
    claims.check(
        requests == 1 && said.contains("SignatureDoesNotMatch") && s3.object("unsigned").is_none(),
        format_args!("a wrong secret, which the server finds: requests: {requests}, given up"),
    );
    Ok(())
}

/// A large object goes up in parts. The connection is cut in the middle of some.
pub async fn multipart(claims: &mut Claims) -> Result<()> {
    let s3 = S3::new()?;
    let proxy = Proxy::start(s3.start().await?).await?;
    let uploads = uploads(bucket_at(proxy.address))?;
    let content: Vec<u8> = (0..PART as u32).flat_map(u32::to_be_bytes).collect();

    proxy.cut_uploads_after(&[8_000_000, 6_000_000]);
    uploads.put("large", content.clone()).await?;
    let (parts, created) = (s3.parts("large"), s3.seen("create large").len());
    claims.check(
        s3.object("large").as_ref() == Some(&content) && created == 1 && (5..=6).contains(&parts),
        format_args!(
            "4 parts, cut twice: {parts} requests for parts, in {created} upload; all bytes are there"
        ),
    );

    s3.set("part 3 busy", &[Answer::Fail(503, "SlowDown", Some(1)), Answer::Ok]);
    s3.set("create busy", &[Answer::Fail(500, "InternalError", None), Answer::Ok]);
    // S3 says 200, and only then that it failed.
    s3.set("complete busy", &[Answer::Fail(200, "InternalError", None), Answer::Ok]);
    uploads.put("busy", content.clone()).await?;
    let (parts, completed) = (s3.parts("busy"), s3.seen("complete busy").len());
    claims.check(
        s3.object("busy").as_ref() == Some(&content) && parts == 5 && completed == 2,
        format_args!("a busy server: only the requests that failed were sent again, {parts} for 4 parts, {completed} to complete"),
    );

    s3.set("part 4 denied", &[Answer::Fail(403, "AccessDenied", None)]);
    let denied = uploads.put("denied", content).await;
    let (aborted, letters) = (s3.seen("DELETE denied").len(), uploads.letters.len());
    claims.check(
        denied.is_err() && s3.seen("part 4 denied").len() == 1 && aborted == 1 && letters == 1,
        format_args!(
            "a part that is denied: the upload was given up and its parts removed, {letters} letter"
        ),
    );
    Ok(())
}

/// The server is away for longer than the policy allows. The letters are uploaded when it is back.
pub async fn letters(claims: &mut Claims) -> Result<()> {
    let s3 = S3::new()?;
    let proxy = Proxy::start(s3.start().await?).await?;
    let uploads = uploads(bucket_at(proxy.address))?;
    let content = |key: &str| format!("content of {key}").into_bytes();

    proxy.down();
    let mut connections = 0;
    for number in 0..5 {
        let (key, before) = (format!("report-{number}"), proxy.accepted());
        let uploaded = uploads.put(&key, content(&key)).await;
        connections = proxy.accepted() - before;
        if number == 0 {
            println!("         {}", said(&uploaded));
        }
    }
    claims.check(
        connections == 4,
        format_args!(
            "object_store's own retries are off: {}, as the policy says",
            counted(connections, "attempt")
        ),
    );
    let lost = uploads.letters.len();
    claims.check(lost == 5, format_args!("{lost} of 5 uploads became dead letters"));

    proxy.up();
    s3.set("put report-2", &[Answer::Fail(403, "AccessDenied", None), Answer::Ok]);
    let denied = uploads.redrive(content).await;
    let left = uploads.letters.len();
    claims.check(
        denied.is_err() && left == 3,
        format_args!("the third one was denied: {left} letters are left, its own among them"),
    );
    let uploaded = uploads.redrive(content).await?;
    claims.check(
        uploaded == 3 && uploads.letters.is_empty(),
        format_args!("then the {uploaded} others were uploaded"),
    );
    let there = (0..5).filter(|number| s3.object(&format!("report-{number}")).is_some()).count();
    claims.check(there == 5, format_args!("{there} of 5 objects are there after the letters were uploaded"));
    Ok(())
}

/// Uploads without the proxies of the environment, because the server is on loopback.
fn uploads(settings: AmazonS3Builder) -> Result<Uploads> {
    Ok(Uploads::new(bucket(settings, Client::builder().no_proxy(), QUICK)?, PART))
}
