CREATE TABLE products (
    id bigint PRIMARY KEY,
    reviews bigint NOT NULL DEFAULT 0, -- kept by the transactions that add and move reviews
    stars bigint NOT NULL DEFAULT 0
);

CREATE TABLE reviews (
    id text PRIMARY KEY, -- chosen by the client, so that a review that is sent twice is stored once
    product bigint NOT NULL REFERENCES products,
    author text NOT NULL,
    stars bigint NOT NULL CHECK (stars BETWEEN 1 AND 5),
    CONSTRAINT one_review_per_author UNIQUE (product, author)
);
