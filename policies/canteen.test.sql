-- People who do not exist.
INSERT INTO academies (id, name) VALUES (1, 'Lyon');
INSERT INTO schools (id, academy_id, name, city, kind) VALUES (1, 1, 'Collège A', 'Lyon', 'collège'), (2, 1, 'Collège B', 'Lyon', 'collège');
INSERT INTO classes (id, school_id, name, level, school_year) VALUES (10, 1, '6e A', '6e', '2026-2027'), (20, 2, '6e B', '6e', '2026-2027');
INSERT INTO students (id, ine, first_name, last_name, class_id, school_id, canteen) VALUES
  (1, 'A1', 'Camille', 'Petit', 10, 1, true),
  (2, 'A2', 'Noé', 'Roux', NULL, 1, true),
  (3, 'A3', 'Zoé', 'Faure', 10, 1, false),
  (4, 'B1', 'Inès', 'Blanc', 20, 2, true);
