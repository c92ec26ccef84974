-- The sample shop: orders, the index that each look uses, and the trigger that wakes the stream.
CREATE TABLE order_events (
    order_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id text NOT NULL,
    total       numeric(10, 2) NOT NULL,
    placed_at   timestamptz NOT NULL DEFAULT now(),
    loaded_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON order_events (loaded_at);

CREATE FUNCTION notify_order_events_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('order_events_changed', '');
    RETURN NULL;
END $$;
CREATE TRIGGER notify_order_events_changed AFTER INSERT ON order_events
    FOR EACH STATEMENT EXECUTE FUNCTION notify_order_events_changed();
