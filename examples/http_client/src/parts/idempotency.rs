//! Which requests are sent again.

use harness::claims::Claims;
use harness::proxy::Proxy;
use harness::{counted, said};
use reqwest::{Body, Method, Request};

use super::{client, url};
use crate::Result;
use crate::server::{Answer, Shop};

/// The server carries out each request, but the connection is cut before the answer. So the client cannot know.
pub async fn idempotency(claims: &mut Claims) -> Result<()> {
    let shop = Shop::default();
    let proxy = Proxy::start(shop.start().await?).await?;
    let rows = [
        (Method::GET, None, 2),
        (Method::PUT, None, 2),
        (Method::DELETE, None, 2),
        (Method::POST, None, 1),
        (Method::PATCH, None, 1),
        (Method::POST, Some("\"8e03978e\""), 2),
        (Method::PATCH, Some("\"8e03978e\""), 2),
    ];
    for (method, key, times) in rows {
        let http = client()?; // with no idle connection, which would be cut, too
        let path = format!("/{method}{}", if key.is_some() { "/with-key" } else { "" });
        shop.set(&path, vec![Answer::Lost, Answer::Ok]);
        let mut request = Request::new(method.clone(), url(proxy.address, &path)?);
        *request.body_mut() = Some(Body::from("7 apples"));
        if let Some(key) = key {
            request.headers_mut().insert("idempotency-key", key.parse()?);
        }
        let before = shop.carried_out();
        let (response, ()) = tokio::join!(http.send(request), async {
            shop.until_carried_out(before + 1).await;
            proxy.cut();
        });
        let sent = shop.seen(&path).len();
        let key = if key.is_some() { " with Idempotency-Key" } else { "" };
        claims.check(
            sent == times && response.is_ok() == (times == 2),
            format_args!("{method}{key}: sent {}: {}", counted(sent, "time"), said(&response)),
        );
    }
    let (orders, posts) = (shop.orders(), shop.seen("/POST").len() + shop.seen("/POST/with-key").len());
    claims.check(
        orders == 2,
        format_args!("{posts} POSTs arrived, for {orders} orders: the key made the third a repetition"),
    );
    Ok(())
}
