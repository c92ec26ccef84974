-- Customers who spent more than 1000 in the last year.
SELECT customer_id
FROM crm.orders
WHERE ordered_at > now() - interval '1 year'
GROUP BY customer_id
HAVING sum(amount) > 1000;
