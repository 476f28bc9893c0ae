//! Bodies that break, of requests and of responses.

use std::{env, fs, process};

use harness::claims::Claims;
use harness::proxy::Proxy;
use harness::{counted, said};
use reqwest::{Body, Method, Request};
use retry_tokio::ServiceError;
use tokio::fs::File;

use super::{client, get, url};
use crate::Result;
use crate::client::Upload;
use crate::server::Shop;

const SIZE: usize = 1_000_000;
const CUT: u64 = 300_000;

/// The connection is cut in the middle of an upload.
pub async fn uploads(claims: &mut Claims) -> Result<()> {
    let shop = Shop::default();
    let proxy = Proxy::start(shop.start().await?).await?;
    let http = client()?;
    let content = content();
    let file = env::temp_dir().join(format!("http-client-{}", process::id()));
    fs::write(&file, &content)?;

    let mut request = Request::new(Method::PUT, url(proxy.address, "/stream")?);
    *request.body_mut() = Some(Body::from(File::open(&file).await?));
    proxy.cut_uploads_after(&[CUT]);
    let response = http.send(request).await;
    let sent = shop.seen("/stream").len();
    claims.check(
        matches!(response, Err(ServiceError::NotRepeatable(_)))
            && sent == 1
            && shop.file("/stream").is_none(),
        format_args!("PUT of a stream: sent {}: {}", counted(sent, "time"), said(&response)),
    );

    let mut request = Request::new(Method::PUT, url(proxy.address, "/bytes")?);
    *request.body_mut() = Some(Body::from(content.clone()));
    proxy.cut_uploads_after(&[CUT, CUT]);
    let response = http.send(request).await;
    let sent = shop.seen("/bytes").len();
    claims.check(
        response.is_ok() && sent == 3 && shop.file("/bytes").as_ref() == Some(&content),
        format_args!("PUT of bytes: cut twice, sent {}: {}", counted(sent, "time"), said(&response)),
    );

    let upload = Upload { to: url(proxy.address, "/file")?, file: file.clone() };
    proxy.cut_uploads_after(&[CUT, CUT]);
    let response = http.upload(upload.clone()).await;
    let lengths: Vec<_> = shop.seen("/file").into_iter().map(|seen| seen.length).collect();
    let sent = lengths.len();
    claims.check(
        response.is_ok() && sent == 3 && shop.file("/file").as_ref() == Some(&content),
        format_args!(
            "PUT of a file, opened for each attempt: cut twice, sent {}: {}",
            counted(sent, "time"),
            said(&response)
        ),
    );
    claims.check(
        lengths.iter().all(|length| *length == Some(SIZE as u64)),
        format_args!("each time, the server was told its length: {lengths:?}"),
    );

    fs::remove_file(&file)?;
    let response = http.upload(Upload { to: url(proxy.address, "/missing")?, ..upload }).await;
    let sent = shop.seen("/missing").len();
    claims.check(
        response.is_err() && sent == 0,
        format_args!(
            "PUT of a file that does not exist: sent {}: {}",
            counted(sent, "time"),
            said(&response)
        ),
    );
    Ok(())
}

/// The connection is cut in the middle of a response.
pub async fn downloads(claims: &mut Claims) -> Result<()> {
    let shop = Shop::default();
    let proxy = Proxy::start(shop.start().await?).await?;
    let http = client()?;
    let content = content();
    for path in ["/head", "/whole", "/resumed", "/hopeless"] {
        shop.put(path, content.clone());
    }

    proxy.cut_downloads_after(&[CUT]);
    let response = http.send(get(proxy.address, "/head")?).await?;
    let (status, body, sent) = (response.status(), response.bytes().await, shop.seen("/head").len());
    claims.check(
        status == 200 && body.is_err() && sent == 1,
        format_args!("send: the attempt ended with the head, a {status}. So the caller had the broken body"),
    );

    proxy.cut_downloads_after(&[CUT, CUT]);
    let body = http.send_and_read(get(proxy.address, "/whole")?).await?.bytes().await?;
    let sent = shop.seen("/whole").len();
    claims.check(
        body == content && sent == 3,
        format_args!("send_and_read: cut twice, sent {}, {} bytes", counted(sent, "time"), body.len()),
    );

    proxy.cut_downloads_after(&[CUT, CUT]);
    let file = env::temp_dir().join(format!("http-client-download-{}", process::id()));
    let body = http.download(url(proxy.address, "/resumed")?, &file).await;
    let downloaded = fs::read(&file)?;
    fs::remove_file(&file)?;
    let ranges: Vec<_> =
        shop.seen("/resumed").into_iter().map(|seen| seen.range.unwrap_or("all".into())).collect();
    claims.check(
        body.is_ok() && downloaded == content && ranges.len() == 3 && ranges[0] == "all",
        format_args!("download: cut twice, asked for {}: {}", ranges.join(", "), said(&body)),
    );

    proxy.cut_downloads_after(&[CUT; 4]);
    let response = http.send_and_read(get(proxy.address, "/hopeless")?).await;
    let sent = shop.seen("/hopeless").len();
    claims.check(
        response.is_err() && sent == 4,
        format_args!("always cut: sent {}: {}", counted(sent, "time"), said(&response)),
    );
    Ok(())
}

/// A megabyte in which no two places look alike.
fn content() -> Vec<u8> {
    (0..SIZE as u32 / 4).flat_map(u32::to_be_bytes).collect()
}
