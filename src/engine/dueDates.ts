/** Something that ends at a known time, such as a certificate, and when somebody renews it. */
export interface DueDate {
  readonly name: string;
  readonly kind: string;
  /** Microseconds from the start of what is played. */
  readonly endsAt: number;
  /** null: nobody does. */
  readonly renewsAt: number | null;
}
