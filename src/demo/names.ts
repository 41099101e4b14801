/** Words for the sample people, schools and addresses. All of them are fictitious. */

/** Académie, city, postal code. */
export const CITIES: readonly (readonly [academy: string, city: string, postalCode: string])[] = [
  ['Paris', 'Paris', '75011'],
  ['Paris', 'Paris', '75013'],
  ['Paris', 'Paris', '75018'],
  ['Paris', 'Paris', '75020'],
  ['Versailles', 'Versailles', '78000'],
  ['Versailles', 'Nanterre', '92000'],
  ['Versailles', 'Évry-Courcouronnes', '91000'],
  ['Versailles', 'Argenteuil', '95100'],
  ['Créteil', 'Créteil', '94000'],
  ['Créteil', 'Bobigny', '93000'],
  ['Créteil', 'Meaux', '77100'],
  ['Créteil', 'Montreuil', '93100'],
  ['Lyon', 'Lyon', '69003'],
  ['Lyon', 'Villeurbanne', '69100'],
  ['Lyon', 'Saint-Étienne', '42000'],
  ['Lyon', 'Bourg-en-Bresse', '01000'],
  ['Lille', 'Lille', '59000'],
  ['Lille', 'Roubaix', '59100'],
  ['Lille', 'Arras', '62000'],
  ['Lille', 'Dunkerque', '59140'],
  ['Aix-Marseille', 'Marseille', '13005'],
  ['Aix-Marseille', 'Aix-en-Provence', '13100'],
  ['Aix-Marseille', 'Avignon', '84000'],
  ['Aix-Marseille', 'Gap', '05000'],
  ['Bordeaux', 'Bordeaux', '33000'],
  ['Bordeaux', 'Périgueux', '24000'],
  ['Bordeaux', 'Pau', '64000'],
  ['Bordeaux', 'Agen', '47000'],
  ['Toulouse', 'Toulouse', '31000'],
  ['Toulouse', 'Albi', '81000'],
  ['Toulouse', 'Cahors', '46000'],
  ['Toulouse', 'Foix', '09000'],
  ['Nantes', 'Nantes', '44000'],
  ['Nantes', 'Angers', '49000'],
  ['Nantes', 'Le Mans', '72000'],
  ['Nantes', 'La Roche-sur-Yon', '85000'],
  ['Rennes', 'Rennes', '35000'],
  ['Rennes', 'Brest', '29200'],
  ['Rennes', 'Saint-Brieuc', '22000'],
  ['Rennes', 'Vannes', '56000'],
];

export const SCHOOLS = `Jean Moulin|Simone Veil|Victor Hugo|Marie Curie|Louise Michel|Jules Ferry|Rosa Parks|Albert Camus|Georges Brassens|Aimé Césaire|Émile Zola|Berthe Morisot|Hélène Boucher|Frédéric Mistral|Joséphine Baker|Lucie Aubrac|Molière|Germaine Tillion|Évariste Galois|Sophie Germain|Jacques Prévert|Olympe de Gouges|Claude Debussy`;

export const GIRLS = `Adèle|Agathe|Alice|Amélie|Anaïs|Apolline|Aya|Camille|Capucine|Céleste|Chloé|Clémence|Constance|Éléonore|Élise|Emma|Ève|Fanny|Fatou|Gabrielle|Hélène|Inès|Iris|Jade|Jeanne|Joséphine|Léa|Léonie|Lila|Lina|Louise|Lucie|Maëlle|Manon|Margaux|Marguerite|Mathilde|Mélina|Naïma|Nour|Océane|Ophélie|Pauline|Rania|Romane|Rose|Salomé|Sarah|Solène|Thaïs|Valentine|Victoire|Yasmine|Zoé`;

export const BOYS = `Achille|Adrien|Alexis|Amadou|Anatole|Antoine|Arthur|Aurélien|Bastien|Benoît|Célestin|Clément|Cyprien|Désiré|Édouard|Élie|Émile|Ethan|Étienne|Félix|François|Gabin|Gaël|Grégoire|Hugo|Ibrahim|Ismaël|Jérémie|Jules|Kylian|Léo|Léon|Loïc|Louis|Lucas|Maël|Malo|Mathéo|Maxence|Mehdi|Nathan|Noé|Octave|Oscar|Paul|Raphaël|Rayan|Rémi|Sacha|Samuel|Théo|Timothée|Tristan|Valentin|Victor|Yanis|Yann|Yohan`;

export const LAST_NAMES = `André|Aubert|Bailly|Barbier|Baron|Belaïd|Benoît|Berger|Bernard|Berthelot|Besson|Blanchard|Boucher|Bouvier|Brunet|Carlier|Caron|Chevalier|Clément|Colin|Cordier|Cousin|Da Silva|David|Delaunay|Deschamps|Diallo|Diop|Dubois|Dufour|Dumas|Dupuis|Durand|Fabre|Faure|Ferrand|Fleury|Fontaine|Fournier|Garcia|Gauthier|Gérard|Girard|Guérin|Guillot|Haddad|Henry|Hervé|Hoarau|Huet|Jacquet|Joly|Lacroix|Lambert|Laurent|Le Gall|Le Goff|Leclercq|Lefèvre|Léger|Lemaître|Leroux|Lévêque|L'Hermitte|Maillard|Marchand|Martel|Mercier|Meunier|Michel|Millet|Monnier|Moreau|N'Diaye|Nguyen|Noël|Olivier|Payet|Pelletier|Perret|Petit|Picard|Poirier|Prévost|Rémy|Renaud|Rivière|Robin|Rousseau|Roux|Saïdi|Sauvage|Schneider|Tessier|Thévenot|Tran|Traoré|Vasseur|Vidal|Weber`;

export const STREETS = `rue de l'Église|rue des Écoles|avenue de la République|rue Pasteur|place du Marché|rue du Château|allée des Tilleuls|rue de la Gare|boulevard Gambetta|chemin des Vignes|rue des Lilas|impasse du Moulin|quai de la Fontaine|rue Hôtel-Dieu|cours d'Alsace|rue de la Liberté`;

export const SUBJECTS = `français|mathématiques|histoire-géographie|anglais|éducation physique|sciences de la vie|arts plastiques`;

export const REASONS = `maladie|rendez-vous médical|raison familiale|retard de transport|hospitalisation|suivi orthophonique`;

export const COMMENTS = `Très bon trimestre|Peut mieux faire|Élève sérieux et appliqué|Des progrès à confirmer|Attention aux bavardages|Résultats fragiles, à accompagner|Ensemble très satisfaisant`;
