-- A film rental with a schema of its own, partitions, row security by policies, and a function that returns rows of people.
CREATE SCHEMA rental;
CREATE TYPE rental.rating AS ENUM ('all', 'adults');
CREATE TABLE rental.film (film_id serial PRIMARY KEY, title text NOT NULL, rating rental.rating DEFAULT 'all');
CREATE TABLE rental.address (address_id serial PRIMARY KEY, street text, postal_code text);
CREATE TABLE rental.store (store_id serial PRIMARY KEY, address_id int REFERENCES rental.address);
CREATE TABLE rental.customer (
  customer_id serial PRIMARY KEY, store_id int NOT NULL REFERENCES rental.store, first_name text, last_name text, email text, address_id int REFERENCES rental.address, active boolean DEFAULT true
);
CREATE TABLE rental.inventory (inventory_id serial PRIMARY KEY, film_id int REFERENCES rental.film, store_id int REFERENCES rental.store);
CREATE TABLE rental.rental (
  rental_id serial PRIMARY KEY, inventory_id int REFERENCES rental.inventory, customer_id int NOT NULL REFERENCES rental.customer, rented date NOT NULL, agent name
);
CREATE TABLE rental.payment (payment_id int, customer_id int NOT NULL, rental_id int, amount numeric(6, 2), paid date NOT NULL, PRIMARY KEY (payment_id, paid)) PARTITION BY RANGE (paid);
CREATE TABLE rental.payment_2026 PARTITION OF rental.payment FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
-- Where partitions are old, each has foreign keys of its own, and the table as a whole has none.
ALTER TABLE rental.payment_2026 ADD FOREIGN KEY (customer_id) REFERENCES rental.customer;
CREATE TABLE rental.note (customer_id int, body text);
CREATE VIEW rental.customer_list AS SELECT customer_id AS id, first_name || ' ' || last_name AS name FROM rental.customer;
CREATE FUNCTION rental.customers_of(store int) RETURNS SETOF rental.customer LANGUAGE sql STABLE AS 'SELECT * FROM rental.customer WHERE store_id = store';
INSERT INTO rental.film (title) VALUES ('a'), ('b'); INSERT INTO rental.address (street) VALUES ('x'), ('y'); INSERT INTO rental.store (address_id) VALUES (1), (2);
INSERT INTO rental.customer (store_id, first_name, last_name) VALUES (1, 'A', 'One'), (2, 'B', 'Two'); INSERT INTO rental.inventory (film_id, store_id) VALUES (1, 1), (2, 2);
INSERT INTO rental.rental (inventory_id, customer_id, rented, agent) VALUES (1, 1, '2026-01-02', ':clerk'), (2, 2, '2026-01-03', 'other');
INSERT INTO rental.payment VALUES (1, 1, 1, 3, '2026-01-02'), (2, 2, 2, 4, '2026-01-03'); INSERT INTO rental.note VALUES (1, 'late');

ALTER TABLE rental.customer ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_store ON rental.customer TO :clerk USING (store_id = 1);
CREATE POLICY active ON rental.customer AS RESTRICTIVE FOR SELECT TO :clerk USING (active);
ALTER TABLE rental.rental ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON rental.rental FOR SELECT TO :clerk USING (agent = CURRENT_USER);
ALTER TABLE rental.note ENABLE ROW LEVEL SECURITY;
CREATE POLICY by_setting ON rental.note TO :clerk USING (customer_id = current_setting('app.customer')::int);
GRANT USAGE ON SCHEMA rental TO :clerk, :auditor;
GRANT SELECT, INSERT, UPDATE ON rental.customer, rental.rental, rental.payment, rental.note TO :clerk; GRANT SELECT ON rental.film, rental.inventory, rental.payment_2026 TO :clerk;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA rental TO :clerk;
GRANT SELECT ON rental.film, rental.customer_list, rental.customer, rental.payment TO :auditor;
