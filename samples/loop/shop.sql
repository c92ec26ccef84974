-- A shop with 200 customers: sqlite3 shop.sqlite < shop.sql
CREATE TABLE customers (customer_id TEXT PRIMARY KEY, email TEXT NOT NULL);
INSERT INTO customers (customer_id, email)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 200)
SELECT 'c-' || (1000 + n), 'customer' || n || '@example.com' FROM numbers;
