# Rails: each request is a transaction that begins by saying whose it is.
class ApplicationRecord < ActiveRecord::Base
  primary_abstract_class

  # Runs the block in a transaction of the token's end user; nil: of none.
  def self.asking(token)
    transaction(requires_new: true, joinable: false) do
      # What is called SCHEMA stands in no log of Rails.
      connection.exec_query("SELECT set_config('rowgate.token', $1, true)", 'SCHEMA', [token])
      yield
    end
  end
end

# class ApplicationController < ActionController::Base
#   around_action { |_, action| ApplicationRecord.asking(request.authorization&.delete_prefix('Bearer '), &action) }
# end
